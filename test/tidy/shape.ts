/**
 * The shape of files: a header that says what the file is, and limits on files and functions.
 */

import type { Breach, Source } from './source.ts';

const FILE_LINES_MAX = 500;
const TEST_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 70;
const COLUMNS_MAX = 120;

/** A file opens with a block comment of at least one sentence. */
export function headerBreaches(source: Source): Breach[] {
  const text = source.text.replace(/^#![^\n]*\n/, '').trimStart();
  const header = /^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '';
  if (header.replace(/[\s*]/g, '').length >= 30) return [];
  return [{ place: source.path, says: 'open with a comment: what it is, why it is so' }];
}

/** Files and lines that are too long. */
export function lengthBreaches(source: Source): Breach[] {
  const max = source.path.startsWith('test/') ? TEST_LINES_MAX : FILE_LINES_MAX;
  const breaches: Breach[] = [];
  const count = source.text.trimEnd().split('\n').length;
  if (count > max) breaches.push({ place: source.path, says: `${count} lines; at most ${max}` });
  source.lines.forEach((line, index) => {
    if (line.length > COLUMNS_MAX && !/https?:\/\/|['"`]/.test(line)) {
      breaches.push({ place: `${source.path}:${index + 1}`, says: `${line.length} columns` });
    }
  });
  return breaches;
}

const FUNCTION_START = [
  String.raw`(?:export\s+)?(?:default\s+)?(?:async\s+)?function\b`,
  String.raw`(?:export\s+)?(?:const|let)\s+\w+\s*=\s*(?:async\s*)?\([^)]*\)[^=]*=>\s*\{`,
  String.raw`(?:static\s+|private\s+|async\s+|get\s+|set\s+|\*)*#?\w+\s*\([^)]*\)[^;=]*\{\s*$`,
];
const FUNCTION = new RegExp(`^(\\s*)(?:${FUNCTION_START.join('|')})`);

/** Functions that are too long; a function ends where its indentation closes. */
export function functionBreaches(source: Source): Breach[] {
  if (source.path.startsWith('test/')) return [];
  const lines = source.bare.split('\n');
  const breaches: Breach[] = [];
  lines.forEach((line, index) => {
    const match = FUNCTION.exec(line);
    if (!match || /^\s*(?:if|for|while|switch|catch|return|describe|it)\b/.test(line)) return;
    const closing = `${match[1]}}`;
    const end = lines.findIndex((each, at) => at > index && each.startsWith(closing));
    const length = end - index + 1;
    if (end > 0 && length > FUNCTION_LINES_MAX) {
      breaches.push({
        place: `${source.path}:${index + 1}`,
        says: `a function of ${length} lines; at most ${FUNCTION_LINES_MAX}`,
      });
    }
  });
  return breaches;
}

/**
 * Reads the tree for the tidy rules: every TypeScript file with its text, its text without
 * comments, and what it imports. Knows nothing of the rules themselves.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

/** One source file as the rules see it. */
export interface Source {
  /** Path from the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** The text with comments blanked, line breaks kept. */
  readonly code: string;
  /** The code with the insides of strings blanked too. */
  readonly bare: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the root when it is a file of ours, else undefined. */
  readonly file: string | undefined;
}

/** A breach: where, and what to do instead. */
export interface Breach {
  readonly place: string;
  readonly says: string;
}

const SKIP = new Set(['node_modules', '.data', '.git', 'dist', 'coverage', 'generated']);

/** All files below `root/folder` whose name ends in one of `endings`. */
export function listFiles(root: string, folder: string, endings: readonly string[]): string[] {
  const found: string[] = [];
  const walk = (at: string): void => {
    for (const entry of readdirSync(join(root, at), { withFileTypes: true })) {
      const path = at === '.' ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!SKIP.has(entry.name)) walk(path);
      } else if (endings.some((ending) => entry.name.endsWith(ending))) {
        found.push(path);
      }
    }
  };
  walk(folder);
  return found.sort();
}

/** Reads the TypeScript of the given top-level folders. */
export function readSources(root: string, folders: readonly string[]): Source[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => listFiles(root, folder, ['.ts', '.tsx']))
    .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}

/** Parses one file; exported so that the rules can be tested on texts. */
export function parseSource(path: string, text: string): Source {
  const code = blank(text, false);
  return {
    path,
    text,
    lines: text.split('\n'),
    code,
    bare: blank(text, true),
    imports: importsOf(path, code),
  };
}

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)(['"])([^'"\n]+)\1/g;

function importsOf(path: string, code: string): Import[] {
  return [...code.matchAll(IMPORT)].map((match) => {
    const specifier = match[2]!;
    const file = specifier.startsWith('.')
      ? normalize(join(dirname(path), specifier)).replaceAll('\\', '/')
      : undefined;
    return { specifier, file };
  });
}

/**
 * Blanks comments (and, when asked, the insides of strings) without moving anything. A small
 * scanner, not a parser: regular expressions are recognised by what stands before them.
 */
function blank(text: string, strings: boolean): string {
  const out = text.split('');
  const wipe = (from: number, to: number): void => {
    for (let i = from; i < to; i += 1) if (out[i] !== '\n') out[i] = ' ';
  };
  let at = 0;
  let before = '';
  const templates: number[] = [];
  let depth = 0;
  while (at < text.length) {
    const char = text[at]!;
    const two = text.slice(at, at + 2);
    let end = at + 1;
    if (two === '//') {
      end = endOfLine(text, at);
      wipe(at, end);
    } else if (two === '/*') {
      end = text.indexOf('*/', at + 2) + 2;
      if (end === 1) end = text.length;
      wipe(at, end);
    } else if (char === "'" || char === '"') {
      end = endOfString(text, at, char);
      if (strings) wipe(at + 1, end - 1);
      before = char;
    } else if (char === '`' || (char === '}' && templates.at(-1) === depth)) {
      if (char === '}') templates.pop();
      end = endOfTemplate(text, at + 1);
      const opens = text.slice(end - 2, end) === '${';
      if (opens) templates.push(depth);
      if (strings) wipe(at + 1, end - (opens ? 2 : 1));
      before = '`';
    } else if (char === '/' && /[=(,:;!&|?{}[\n]|^$|return$/.test(before)) {
      end = endOfRegExp(text, at);
      if (strings) wipe(at + 1, end - 1);
      before = '/';
    } else {
      if (char === '{') depth += 1;
      if (char === '}') depth -= 1;
      if (!/\s/.test(char)) before = /[a-z]/.test(char) ? (before + char).slice(-6) : char;
    }
    at = end;
  }
  return out.join('');
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
}

function endOfString(text: string, at: number, quote: string): number {
  for (let i = at + 1; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === quote || text[i] === '\n') return i + 1;
  }
  return text.length;
}

function endOfTemplate(text: string, from: number): number {
  for (let i = from; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === '`') return i + 1;
    else if (text[i] === '$' && text[i + 1] === '{') return i + 2;
  }
  return text.length;
}

function endOfRegExp(text: string, at: number): number {
  let inClass = false;
  for (let i = at + 1; i < text.length; i += 1) {
    const char = text[i];
    if (char === '\\') i += 1;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '\n') return at + 1;
    else if (char === '/' && !inClass) return i + 1;
  }
  return at + 1;
}

/** The line number (from 1) of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset; i += 1) if (text.charCodeAt(i) === 10) line += 1;
  return line;
}

/** Every match of `pattern` in `text` as a breach. */
export function breachesOf(
  source: Source,
  text: string,
  pattern: RegExp,
  says: (match: RegExpMatchArray) => string,
): Breach[] {
  return [...text.matchAll(pattern)].map((match) => ({
    place: `${source.path}:${lineAt(text, match.index)}`,
    says: says(match),
  }));
}

/** Path from one file's folder, for messages. */
export function shortPath(root: string, path: string): string {
  return relative(root, path);
}

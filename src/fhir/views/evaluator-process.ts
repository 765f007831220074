#!/usr/bin/env node
/**
 * The process in which views of callers are evaluated (`evaluator.ts`): takes a view and resources,
 * answers rows. It ends itself when a portion takes too long, also where nobody is left to end it.
 */

import { createContext, Script } from 'node:vm';
import { Problem, problem } from '../../sdk/index.ts';
import { type Answer, PORTION_SECONDS, type Question } from './evaluator.ts';
import { isInterpreterDecimal } from './interpret.ts';
import { compileView, type Row } from './view.ts';

/** Rows, and characters of rows, that one portion may give. */
const ROWS_MAX = 200_000;
const CHARACTERS_MAX = 32_000_000;

function evaluate({ view: source, texts }: Question): Answer {
  const view = compileView(source, () => true);
  view.prepare();
  const rows: Row[] = [];
  for (const text of texts) {
    for (const row of view.rows(text)) rows.push(row);
    if (rows.length > ROWS_MAX) throw tooMany();
  }
  const written = JSON.stringify(rows, function mark(this: Record<string, unknown>, key, value) {
    return marked(this[key], value);
  });
  if (written.length > CHARACTERS_MAX) throw tooMany();
  return { rows: written };
}

/**
 * Exact decimals as marked strings; see `../formats/exact.ts`.
 *
 * @param found  what stands in the row; `value` is what it says of itself as JSON
 */
function marked(found: unknown, value: unknown): unknown {
  if (isInterpreterDecimal(found)) return `\0${String(found)}`;
  if (typeof value !== 'string' || !value.includes('\0')) return value;
  throw problem('value', 'view-value', 'A path gives U+0000, which stands in no text.');
}

function tooMany(): Problem {
  const says = `A few resources give more than ${ROWS_MAX} rows; narrow the view.`;
  return problem('too-costly', 'view-too-large', says, 'ViewDefinition');
}

const SANDBOX = createContext({ work: (): Answer => ({}) });
const WORK = new Script('work()');

process.on('disconnect', () => process.exit(0));
process.on('message', (question: Question) => {
  SANDBOX.work = () => evaluate(question);
  try {
    const answer = WORK.runInContext(SANDBOX, { timeout: PORTION_SECONDS * 1000 }) as Answer;
    process.send!(answer);
  } catch (error) {
    if (error instanceof Problem) process.send!({ issues: error.issues } satisfies Answer);
    else process.exit(1);
  }
});

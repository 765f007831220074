/**
 * What a statement must be as a whole, in whatever form it came. Pure.
 */

import { problem } from '../../../src/sdk/index.ts';
import type { ParsedStatement, StatementLine } from '../statement.ts';
import { lineProblem } from './fields.ts';

/**
 * Two lines that are the same payment cannot be told from a payment made twice, so the file is
 * refused: the provider's own number stands once; without one, our key stands once a result.
 *
 * @throws Problem statement-empty, currencies-mixed, duplicate-line
 */
export function checkStatement({ lines }: ParsedStatement): void {
  const [first] = lines;
  if (!first) {
    throw problem('structure', 'statement-empty', 'The statement has no lines.', 'content');
  }
  const seen = new Map<string, number>();
  for (const line of lines) {
    if (line.currency !== first.currency) {
      throw lineProblem(
        line.number,
        {
          code: 'currencies-mixed',
          diagnostics: `${line.currency} after ${first.currency}; send one statement for each currency.`,
        },
        'currency',
      );
    }
    const mark = markOf(line);
    // Lines that name nobody match nothing, so that they can be equal (fees).
    if (mark === undefined) continue;
    const earlier = seen.get(mark);
    if (earlier !== undefined) {
      throw lineProblem(line.number, {
        code: 'duplicate-line',
        diagnostics: `the same payment stands on line ${earlier} already; ask the provider which is right.`,
      });
    }
    seen.set(mark, line.number);
  }
}

function markOf(line: StatementLine): string | undefined {
  const { result, reference, key, account, amountMinor, day } = line;
  if (reference) return JSON.stringify([result, 'reference', reference]);
  if (key) return JSON.stringify([result, 'key', key]);
  if (!account) return undefined;
  return JSON.stringify([result, account, amountMinor.toString(), day ?? '']);
}

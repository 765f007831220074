/**
 * Events of disbursement, by which the rooms that ordered payments learn what became of them.
 */

import { event } from '../../src/sdk/index.ts';
import type { InstructionState } from './instruction.ts';

/** An instruction of a purpose has come to another state. */
export interface InstructionMoved {
  readonly purpose: string;
  /** The caller's own id, e.g. of a payroll line. */
  readonly sourceId: string;
  /** Payee's internal id, decimal text. */
  readonly payeeId: string;
  readonly instructionId: string;
  readonly attempt: number;
  readonly state: InstructionState;
  readonly reason: string | null;
}

export const instructionMoved = event<InstructionMoved>(
  'disbursement.instruction-moved',
  'an instruction was sent, paid, not paid, became unknown, or was cancelled',
);

/**
 * `Task/$reviewed-pairs`: what reviewers have decided, pair by pair, as labelled data: CSV with the columns
 * of truth that `npm run evaluate:duplicates` reads, and beside them the probability, grade and model that
 * the pair had when it was decided. No values of anybody, only ids.
 */

import type { OperationDefinition } from '@medplum/fhirtypes';
import { stringify } from 'csv-stringify/sync';
import {
  type Context,
  inputParameter,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  parameterIn,
  problem,
  type RawAnswer,
} from '../../../src/sdk/index.ts';
import { refuseMasked } from '../match.ts';
import { type LabelledPair, labelledPairs, type Verdict } from '../store/review.ts';
import { REVIEW_QUALITY } from './quality.ts';

const COLUMNS = ['id_a', 'id_b', 'type', 'verdict', 'p', 'grade', 'model', 'decided_at'];
const VERDICTS: readonly Verdict[] = ['duplicate', 'not-duplicate'];

const definition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: operationDefinition('reviewed-pairs'),
  name: 'ReviewedPairs',
  title: 'What reviewers have decided, as labelled data',
  status: 'active',
  kind: 'operation',
  code: 'reviewed-pairs',
  description:
    'CSV of all pairs that were decided, with what was decided last: id_a, id_b, type (Patient or Group), ' +
    'verdict, p, grade, model and decided_at.',
  affectsState: false,
  resource: ['Task'],
  system: false,
  type: true,
  instance: false,
  parameter: [
    inputParameter('verdict', 'code', 'Only duplicate, or only not-duplicate.'),
    outputParameter('return', 'Binary', 1),
  ],
};

/** The operation. */
export const labelsOperation: Operation = { definition, permission: REVIEW_QUALITY, run };

async function run(ctx: Context, input: OperationInput): Promise<RawAnswer> {
  refuseMasked(ctx);
  const given = parameterIn(input, 'verdict')?.valueCode;
  const verdicts = given === undefined ? VERDICTS : VERDICTS.filter((each) => each === given);
  if (verdicts.length === 0) {
    const says = `A verdict is one of ${VERDICTS.join(', ')}.`;
    throw problem('code-invalid', 'verdict-unknown', says, 'verdict');
  }
  const rows = await labelledPairs(ctx, verdicts);
  return {
    raw: true,
    contentType: 'text/csv; charset=utf-8',
    body: stringify([COLUMNS, ...rows.map(valuesOf)]),
  };
}

/** Values in the order of the columns; what is not known is empty. */
function valuesOf({ decided_at: at, model_id: model, ...pair }: LabelledPair): unknown[] {
  const { one, other, type, verdict, p, grade } = pair;
  return [one, other, type, verdict, p, grade, model, at.toISOString()];
}

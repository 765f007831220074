/**
 * `$review-eligibility`: which enrolled households the rules no longer select, each with the criteria
 * that are not met and the values compared; and `$end-enrolments`, by which a person ends some of
 * them, with a reason and from a day. Nothing ends by itself.
 *
 * Ineligible is not non-compliant: whoever fails only criteria that ask for conditions met by month
 * still is who the scheme is for.
 */

import type {
  Bundle,
  Coverage,
  Parameters,
  ParametersParameter,
  Resource,
} from '@medplum/fhirtypes';
import {
  type Context,
  dayOf,
  extensionOf,
  idIn,
  inputParameter,
  instanceOperation,
  localId,
  type Operation,
  type OperationInput,
  parameterIn,
  periodNear,
  permission,
  problem,
  type RawAnswer,
} from '../../src/sdk/index.ts';
import {
  FORMAT_PARAMETER,
  FORMATS,
  fileAnswer,
  formatOf,
  type Sheet,
  toCsv,
  toXlsx,
} from '../indicators/index.ts';
import { paymentHistory } from './history.ts';
import { ENROL } from './lifecycle.ts';
import { actedOn, areaOf } from './operations.ts';
import { asksForCompliance } from './rules/facts.ts';
import {
  chunkEnd,
  type ReviewQuestion,
  type ReviewRow,
  reviewChunk,
  reviewText,
} from './store/review.ts';
import {
  findScheme,
  readRulesVersion,
  rulesVersionFor,
  type Scheme,
  takeTurns,
} from './store/schemes.ts';

/** Sees which households no longer qualify, and why. */
export const REVIEW = permission('schemes.review', 'sees who no longer qualifies, and why');

/** Enrolments that one request looks at; a page may so be short, and `next` goes on. */
const LOOKED_AT_MAX = 100_000;
const CHUNK = 5000;
const COUNT = 100;
const COUNT_MAX = 10_000;

/** A household that does not qualify, or may not. */
interface Finding {
  readonly row: ReviewRow;
  readonly decision: 'ineligible' | 'non-compliant' | 'undetermined';
  /** Names of the criteria, each with what it compared. */
  readonly criteria: readonly { readonly name: string; readonly values: string }[];
}

interface Page {
  readonly findings: readonly Finding[];
  readonly next: bigint | undefined;
}

async function review(ctx: Context, input: OperationInput): Promise<Resource | RawAnswer> {
  // Refused where the roles or the token do not let households be read.
  await ctx.fhir.search('Group', '_id=0&_count=1&_elements=id');
  const format = formatOf(input, 'json', ['csv', 'xlsx', 'json']);
  const scheme = await findScheme(ctx, input.id ?? '');
  const question = await questionOf(ctx, input, scheme);
  const page = await pageOf(ctx, question, startOf(input), countOf(input));
  if (format === 'json') return answer(question, page);
  const sheet = sheetOf(page);
  const content = format === 'csv' ? toCsv(sheet) : await toXlsx([sheet]);
  return fileAnswer(`review-${input.id}`, format, content);
}

async function questionOf(
  ctx: Context,
  input: OperationInput,
  scheme: Scheme,
): Promise<ReviewQuestion> {
  const asOf = parameterIn(input, 'as-of')?.valueDate ?? dayOf(ctx.now, scheme.time_zone);
  const newest = await readRulesVersion(ctx, scheme.scheme_id, scheme.rules_version);
  const version = await rulesVersionFor(ctx, scheme, periodNear(newest, asOf));
  const rules = await readRulesVersion(ctx, scheme.scheme_id, version);
  return {
    schemeId: scheme.scheme_id,
    rules,
    period: periodNear(rules, asOf),
    asOf,
    areaId: await areaOf(ctx, parameterIn(input, 'area')),
    areas: ctx.actor.reach.areas,
    paidCycles: ctx.parts(paymentHistory)[0],
  };
}

/** The page before ended here. */
export function startOf(input: OperationInput): bigint {
  const after = parameterIn(input, 'after')?.valueString ?? '0';
  if (/^\d{1,18}$/.test(after)) return BigInt(after);
  throw problem('value', 'review-malformed', 'Give after as the page before named it.', 'after');
}

/** How many make a page. */
export function countOf(input: OperationInput): number {
  const count = parameterIn(input, '_count')?.valuePositiveInt ?? COUNT;
  if (count <= COUNT_MAX) return count;
  throw problem('value', 'review-malformed', `A page has ${COUNT_MAX} at most.`, '_count');
}

async function pageOf(
  ctx: Context,
  question: ReviewQuestion,
  start: bigint,
  count: number,
): Promise<Page> {
  const explain = explainer(question);
  const findings: Finding[] = [];
  let after = start;
  for (let looked = 0; looked < LOOKED_AT_MAX; looked += CHUNK) {
    const upTo = await chunkEnd(ctx, question.schemeId, after, CHUNK);
    if (upTo === undefined) return { findings, next: undefined };
    const limit = count - findings.length;
    const rows = await reviewChunk(ctx, question, { after, upTo, limit });
    findings.push(...rows.map(explain));
    after = rows.length === limit ? (rows.at(-1) as ReviewRow).household_id : upTo;
    if (findings.length === count) break;
  }
  return { findings, next: after };
}

function explainer(question: ReviewQuestion): (row: ReviewRow) => Finding {
  const { rules } = question;
  const compliance = asksForCompliance(rules);
  const { facts } = reviewText(question, 0n, 0n);
  const valuesOf = (row: ReviewRow, number: number) =>
    facts
      .map((fact, index) => ({ ...fact, value: row.facts[index] ?? 'not known' }))
      .filter((fact) => fact.criterion === number)
      .map(({ text, value }) => `${text} = ${value}`)
      .join('; ');
  return (row) => {
    const failed = row.criteria.flatMap((met, index) => (met === false ? [index] : []));
    const unknown = row.criteria.flatMap((met, index) => (met === null ? [index] : []));
    const told = failed.length > 0 ? failed : unknown;
    const lapsed = failed.length > 0 && failed.every((index) => compliance[index]);
    return {
      row,
      decision:
        !row.active || (failed.length > 0 && !lapsed)
          ? 'ineligible'
          : lapsed
            ? 'non-compliant'
            : 'undetermined',
      criteria: [
        ...(row.active ? [] : [{ name: 'household-inactive', values: '' }]),
        ...told.map((index) => ({
          name: rules.criteria[index]?.name ?? '',
          values: valuesOf(row, index + 1),
        })),
      ],
    };
  };
}

function answer({ asOf }: ReviewQuestion, { findings, next }: Page): Parameters {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'as-of', valueDate: asOf },
      ...findings.map(
        ({ row, decision, criteria }): ParametersParameter => ({
          name: 'finding',
          part: [
            {
              name: 'enrolment',
              valueReference: { reference: `Coverage/${row.coverage_fhir_id}` },
            },
            { name: 'household', valueReference: { reference: `Group/${row.household_fhir_id}` } },
            { name: 'state', valueCode: row.state },
            { name: 'decision', valueCode: decision },
            ...criteria.map(({ name, values }) => ({
              name: 'criterion',
              part: [
                { name: 'name', valueString: name },
                ...(values === '' ? [] : [{ name: 'values', valueString: values }]),
              ],
            })),
          ],
        }),
      ),
      ...(next === undefined ? [] : [{ name: 'next', valueString: String(next) }]),
    ],
  };
}

function sheetOf({ findings }: Page): Sheet {
  return {
    name: 'review',
    columns: ['enrolment', 'household', 'state', 'since', 'decision', 'criteria', 'values'],
    rows: findings.map(({ row, decision, criteria }) => [
      ...[row.coverage_fhir_id, row.household_fhir_id, row.state, row.starts_on, decision],
      criteria.map(({ name }) => name).join('; '),
      criteria.map(({ values }) => values).join('; '),
    ]),
  };
}

// ── the second step ──────────────────────────────────────────────────────────────────────────

const ENDED_MAX = 1000;
const NO_LONGER = 'criteria-no-longer-met';

/** Ends enrolments that a person names; for criteria that are met again nobody leaves. */
async function endEnrolments(ctx: Context, input: OperationInput): Promise<Parameters> {
  const scheme = await findScheme(ctx, input.id ?? '');
  await takeTurns(ctx, scheme.scheme_id);
  const coverages = await namedIn(ctx, input, scheme);
  if (parameterIn(input, 'reason')?.valueCode === NO_LONGER) {
    await requireUnqualified(ctx, input, scheme, coverages);
  }
  const entry = coverages.map((coverage) => {
    const url = `Coverage/${coverage.id}`;
    const ifMatch = `W/"${coverage.meta?.versionId}"`;
    const request = { method: 'PUT' as const, url, ifMatch };
    return { fullUrl: url, resource: actedOn(ctx, 'exit', coverage, input), request };
  });
  const bundle: Bundle = { resourceType: 'Bundle', type: 'transaction', entry };
  await ctx.fhir.transaction(bundle);
  return {
    resourceType: 'Parameters',
    parameter: [{ name: 'ended', valueInteger: entry.length }],
  };
}

async function namedIn(ctx: Context, input: OperationInput, scheme: Scheme): Promise<Coverage[]> {
  const references = (input.parameters.parameter ?? [])
    .filter((each) => each.name === 'enrolment')
    .map((each) => localId(each.valueReference?.reference, 'Coverage') ?? '');
  const ids = [...new Set(references)];
  if (ids.length > ENDED_MAX) {
    throw problem('too-costly', 'review-malformed', `Name ${ENDED_MAX} at most.`, 'enrolment');
  }
  const coverages: Coverage[] = [];
  for (const id of ids) {
    const coverage = await ctx.fhir.read<Coverage>('Coverage', id);
    if (idIn(extensionOf(coverage, 'enrolment-scheme'), 'InsurancePlan') !== scheme.fhir_id) {
      throw problem(
        'business-rule',
        'enrolment-stranger',
        `Coverage/${id} is no enrolment in ${scheme.name}.`,
        'enrolment',
      );
    }
    coverages.push(coverage);
  }
  return coverages;
}

async function requireUnqualified(
  ctx: Context,
  input: OperationInput,
  scheme: Scheme,
  coverages: readonly Coverage[],
): Promise<void> {
  const question = await questionOf(ctx, input, scheme);
  const found = new Set<string>();
  const households = coverages.map(
    (each) => idIn(extensionOf(each, 'enrolment-household'), 'Group') ?? '',
  );
  for (const rid of (await ctx.fhir.rids('Group', households)).values()) {
    const only = { after: rid - 1n, upTo: rid, limit: 1 };
    for (const row of await reviewChunk(ctx, question, only)) {
      if (!row.active || row.criteria.includes(false)) found.add(row.coverage_fhir_id);
    }
  }
  const met = coverages.find((each) => !found.has(each.id ?? ''));
  if (!met) return;
  throw problem(
    'business-rule',
    'criteria-met',
    `Coverage/${met.id} meets the criteria, or it is not known that it does not; look again, or give ` +
      'another reason.',
    'enrolment',
  );
}

/** Operations of a review. */
export const reviewOperations: readonly Operation[] = [
  {
    permission: REVIEW,
    narrowsAreas: true,
    answers: ['csv', 'xlsx', FORMATS.csv, FORMATS.xlsx],
    definition: instanceOperation(
      'review-eligibility',
      'InsurancePlan',
      'Enrolled households whom the rules no longer select, with the criteria that are not met and ' +
        'the values compared: ineligible, non-compliant or undetermined. In pages.',
      [
        inputParameter('as-of', 'date', 'The day on which ages are taken; else today.'),
        inputParameter('area', 'Reference', 'Only households of this area and those below it.'),
        inputParameter(
          '_count',
          'positiveInt',
          `Findings of a page; ${COUNT}, at most ${COUNT_MAX}.`,
        ),
        inputParameter('after', 'string', 'What the page before called next.'),
        FORMAT_PARAMETER,
      ],
      false,
    ),
    run: review,
  },
  {
    permission: ENROL,
    definition: instanceOperation(
      'end-enrolments',
      'InsurancePlan',
      'Ends enrolments that are named, for a reason and from a day. For criteria no longer met nobody ' +
        'leaves who meets them.',
      [
        { name: 'enrolment', use: 'in', min: 1, max: '*', type: 'Reference' },
        { name: 'reason', use: 'in', min: 1, max: '1', type: 'code' },
        inputParameter('on', 'date', 'The last day; else today.'),
        inputParameter('as-of', 'date', 'The day on which ages are taken; else today.'),
      ],
    ),
    run: endEnrolments,
  },
];

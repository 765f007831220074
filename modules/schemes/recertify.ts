/**
 * Recertification: `$recertifications-due` lists enrolments whose facts have not been confirmed for as
 * many months as the rules say (`recertify-months`), `Coverage/[id]/$recertify` notes that somebody
 * has confirmed them. Whoever is overdue is paid until a person decides otherwise.
 */

import type { Coverage, Parameters, Resource } from '@medplum/fhirtypes';
import {
  type Context,
  codeIn,
  dayOf,
  extensionOf,
  inputParameter,
  instanceOperation,
  type Operation,
  type OperationInput,
  parameterIn,
  problem,
  type RawAnswer,
} from '../../src/sdk/index.ts';
import {
  FORMAT_PARAMETER,
  FORMATS,
  fileAnswer,
  formatOf,
  toCsv,
  toXlsx,
} from '../indicators/index.ts';
import { ENROL } from './lifecycle.ts';
import { EXTENSION, withExtension } from './names.ts';
import { countOf, REVIEW, startOf } from './review.ts';
import { type DueRow, enrolmentsDue } from './store/recertification.ts';
import { findScheme, readRulesVersion } from './store/schemes.ts';

async function due(ctx: Context, input: OperationInput): Promise<Resource | RawAnswer> {
  // Refused where the roles or the token do not let households be read.
  await ctx.fhir.search('Group', '_id=0&_count=1&_elements=id');
  const format = formatOf(input, 'json', ['csv', 'xlsx', 'json']);
  const scheme = await findScheme(ctx, input.id ?? '');
  const rules = await readRulesVersion(ctx, scheme.scheme_id, scheme.rules_version);
  if (rules.recertifyMonths === undefined) {
    throw problem(
      'business-rule',
      'recertification-none',
      `${scheme.name} does not say how often: give recertify-months in its rules.`,
      'InsurancePlan',
    );
  }
  const count = countOf(input);
  const rows = await enrolmentsDue(ctx, {
    schemeId: scheme.scheme_id,
    months: rules.recertifyMonths,
    by: parameterIn(input, 'by')?.valueDate ?? dayOf(ctx.now, scheme.time_zone),
    after: startOf(input),
    areas: ctx.actor.reach.areas,
    limit: count,
  });
  const next = rows.length === count ? rows.at(-1)?.household_id : undefined;
  if (format === 'json') return answer(rows, next);
  const sheet = {
    name: 'due',
    columns: ['enrolment', 'household', 'state', 'since', 'confirmed', 'due'],
    rows: rows.map((row) => [
      ...[row.coverage_fhir_id, row.household_fhir_id, row.state, row.starts_on],
      ...[row.recertified_on, row.due_on],
    ]),
  };
  const content = format === 'csv' ? toCsv(sheet) : await toXlsx([sheet]);
  return fileAnswer(`recertifications-due-${input.id}`, format, content);
}

function answer(rows: readonly DueRow[], next: bigint | undefined): Parameters {
  return {
    resourceType: 'Parameters',
    parameter: [
      ...rows.map((row) => ({
        name: 'due',
        part: [
          { name: 'enrolment', valueReference: { reference: `Coverage/${row.coverage_fhir_id}` } },
          { name: 'household', valueReference: { reference: `Group/${row.household_fhir_id}` } },
          { name: 'state', valueCode: row.state },
          { name: 'due-on', valueDate: row.due_on },
        ],
      })),
      ...(next === undefined ? [] : [{ name: 'next', valueString: String(next) }]),
    ],
  };
}

async function recertify(ctx: Context, input: OperationInput): Promise<Coverage> {
  const coverage = await ctx.fhir.read<Coverage>('Coverage', input.id ?? '');
  const state = codeIn(extensionOf(coverage, 'enrolment-state'));
  if (state !== 'enrolled' && state !== 'suspended') {
    throw problem(
      'conflict',
      'wrong-state',
      `Coverage/${input.id} is ${state ?? 'no enrolment'}; enrolled or suspended ones are recertified.`,
    );
  }
  const today = ctx.now.toISOString().slice(0, 10);
  const on = parameterIn(input, 'on')?.valueDate ?? today;
  if (on > today) {
    throw problem('value', 'review-malformed', 'Give the day on which it was confirmed.', 'on');
  }
  const extension = { url: EXTENSION.recertifiedOn, valueDate: on };
  return ctx.fhir.update<Coverage>(
    { ...coverage, extension: withExtension(coverage.extension, extension) },
    coverage.meta?.versionId ? { ifMatch: coverage.meta.versionId } : {},
  );
}

/** Operations of recertification. */
export const recertifyOperations: readonly Operation[] = [
  {
    permission: REVIEW,
    narrowsAreas: true,
    answers: ['csv', 'xlsx', FORMATS.csv, FORMATS.xlsx],
    definition: instanceOperation(
      'recertifications-due',
      'InsurancePlan',
      'Enrolments whose facts have not been confirmed for as long as the rules say, in pages.',
      [
        inputParameter('by', 'date', 'Due by this day; else today.'),
        inputParameter('_count', 'positiveInt', 'Enrolments of a page.'),
        inputParameter('after', 'string', 'What the page before called next.'),
        FORMAT_PARAMETER,
      ],
      false,
    ),
    run: due,
  },
  {
    permission: ENROL,
    definition: instanceOperation(
      'recertify',
      'Coverage',
      'Notes that the facts of an enrolled household have been confirmed.',
      [inputParameter('on', 'date', 'When; else today.')],
    ),
    run: recertify,
  },
];

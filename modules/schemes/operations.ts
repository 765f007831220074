/**
 * Operations: enrol by criteria, and change the state of an enrolment for a reason.
 */

import type {
  Coverage,
  InsurancePlan,
  OperationDefinition,
  OperationDefinitionParameter,
  Parameters,
  ParametersParameter,
} from '@medplum/fhirtypes';
import {
  type Context,
  codeIn,
  extensionOf,
  localId,
  type Operation,
  type OperationInput,
  operationDefinition,
  parameterIn,
  problem,
  transition,
} from '../../src/sdk/index.ts';
import { type EnrolmentSummary, enrolByCriteria } from './enrol.ts';
import { changedCoverage } from './enrolment.ts';
import { ENROL, enrolmentLifecycle } from './lifecycle.ts';
import { findScheme } from './store/schemes.ts';

function definition(
  code: string,
  resource: 'InsurancePlan' | 'Coverage',
  title: string,
  description: string,
  parameter: OperationDefinitionParameter[],
): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    url: operationDefinition(code),
    name: code.replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase()),
    title,
    status: 'active',
    kind: 'operation',
    code,
    description,
    affectsState: true,
    resource: [resource],
    system: false,
    type: false,
    instance: true,
    parameter,
  };
}

// ── $enrol ───────────────────────────────────────────────────────────────────────────────────

const enrolDefinition = definition(
  'enrol',
  'InsurancePlan',
  'Enrol households by criteria',
  'Judges every active household without a live enrolment by the rules of the scheme and enrols ' +
    'those eligible, or only counts them when preview is true. Running it again changes nothing ' +
    'but for households that have become eligible.',
  [
    { name: 'preview', use: 'in', min: 0, max: '1', type: 'boolean' },
    { name: 'area', use: 'in', min: 0, max: '1', type: 'Reference' },
    { name: 'as-of', use: 'in', min: 0, max: '1', type: 'date' },
    { name: 'enrolled', use: 'out', min: 1, max: '1', type: 'integer' },
    { name: 'waiting', use: 'out', min: 1, max: '1', type: 'integer' },
    { name: 'already-enrolled', use: 'out', min: 1, max: '1', type: 'integer' },
    { name: 'eligible', use: 'out', min: 1, max: '1', type: 'integer' },
    { name: 'ineligible', use: 'out', min: 1, max: '1', type: 'integer' },
    { name: 'undetermined', use: 'out', min: 1, max: '1', type: 'integer' },
    { name: 'blocked', use: 'out', min: 1, max: '1', type: 'integer' },
    {
      name: 'reason',
      use: 'out',
      min: 0,
      max: '*',
      part: [
        { name: 'code', use: 'out', min: 1, max: '1', type: 'code' },
        { name: 'criterion', use: 'out', min: 0, max: '1', type: 'string' },
        { name: 'count', use: 'out', min: 1, max: '1', type: 'integer' },
      ],
    },
  ],
);

async function runEnrol(ctx: Context, input: OperationInput): Promise<Parameters> {
  const named = (name: string) => parameterIn(input, name);
  const scheme = await findScheme(ctx, input.id ?? '');
  if (!scheme.active) {
    throw problem(
      'business-rule',
      'scheme-closed',
      `${scheme.name} is not active; nobody can be enrolled.`,
      'InsurancePlan.status',
    );
  }
  const plan = await ctx.fhir.read<InsurancePlan>('InsurancePlan', scheme.fhir_id);
  const summary = await enrolByCriteria(ctx, scheme, {
    preview: named('preview')?.valueBoolean === true,
    asOf: named('as-of')?.valueDate ?? ctx.now.toISOString().slice(0, 10),
    areaId: await areaOf(ctx, named('area')),
    payor: (plan.ownedBy ?? plan.administeredBy)?.reference,
  });
  return enrolAnswer(summary);
}

/** The area that a parameter names; undefined without one. */
export async function areaOf(
  ctx: Context,
  parameter: ParametersParameter | undefined,
): Promise<bigint | undefined> {
  if (!parameter) return undefined;
  const id = localId(parameter.valueReference?.reference, 'Location') ?? '';
  const rid = (await ctx.fhir.rids('Location', [id])).get(id);
  if (rid !== undefined) return rid;
  throw problem(
    'unprocessable-reference',
    'reference-unknown',
    'Name an area that is known here as Location/id.',
    'area',
  );
}

function enrolAnswer(summary: EnrolmentSummary): Parameters {
  const total = (decision: string) =>
    summary.counts
      .filter((row) => row.decision === decision)
      .reduce((sum, row) => sum + Number(row.count), 0);
  const integer = (name: string, valueInteger: number) => ({ name, valueInteger });
  return {
    resourceType: 'Parameters',
    parameter: [
      integer('enrolled', summary.enrolled),
      integer('waiting', summary.waiting),
      integer('already-enrolled', Number(summary.already)),
      ...['eligible', 'ineligible', 'undetermined', 'blocked'].map((decision) =>
        integer(decision, total(decision)),
      ),
      ...summary.counts
        .filter((row) => row.reason_code !== null)
        .map((row) => reason(row, summary.criteria)),
    ],
  };
}

function reason(
  row: EnrolmentSummary['counts'][number],
  criteria: readonly string[],
): ParametersParameter {
  const criterion = row.criterion_number === null ? undefined : criteria[row.criterion_number - 1];
  return {
    name: 'reason',
    part: [
      { name: 'code', valueCode: row.reason_code ?? '' },
      ...(criterion ? [{ name: 'criterion', valueString: criterion }] : []),
      { name: 'count', valueInteger: Number(row.count) },
    ],
  };
}

// ── acts on an enrolment ─────────────────────────────────────────────────────────────────────

type EnrolmentAct = (typeof enrolmentLifecycle.transitions)[number]['act'];

function actOperation(act: EnrolmentAct, title: string, description: string): Operation {
  return {
    definition: definition(act, 'Coverage', title, description, [
      { name: 'reason', use: 'in', min: 1, max: '1', type: 'code' },
      { name: 'on', use: 'in', min: 0, max: '1', type: 'date' },
      { name: 'return', use: 'out', min: 1, max: '1', type: 'Coverage' },
    ]),
    permission: ENROL,
    run: (ctx, input) => runAct(ctx, act, input),
  };
}

async function runAct(ctx: Context, act: EnrolmentAct, input: OperationInput): Promise<Coverage> {
  const coverage = await ctx.fhir.read<Coverage>('Coverage', input.id ?? '');
  return ctx.fhir.update<Coverage>(
    actedOn(ctx, act, coverage, input),
    coverage.meta?.versionId ? { ifMatch: coverage.meta.versionId } : {},
  );
}

/**
 * An enrolment after an act, for the `reason` and from the day (`on`) of the input.
 *
 * @throws Problem `not-an-enrolment`, `wrong-state`, `reason-missing`
 */
export function actedOn(
  ctx: Context,
  act: EnrolmentAct,
  coverage: Coverage,
  input: OperationInput,
): Coverage {
  const named = (name: string) => parameterIn(input, name);
  const code = codeIn(extensionOf(coverage, 'enrolment-state'));
  const state = enrolmentLifecycle.states.find((each) => each === code);
  if (!state) {
    throw problem(
      'business-rule',
      'not-an-enrolment',
      `Coverage/${coverage.id} is no enrolment; it has no enrolment-state.`,
    );
  }
  const reason = named('reason')?.valueCode ?? named('reason')?.valueString;
  const { to } = transition(ctx, enrolmentLifecycle, act, state, {}, reason);
  const on = named('on')?.valueDate ?? ctx.now.toISOString().slice(0, 10);
  return changedCoverage(coverage, to, reason ?? '', on);
}

export const operations: readonly Operation[] = [
  { definition: enrolDefinition, permission: ENROL, run: runEnrol },
  actOperation(
    'suspend',
    'Suspend an enrolment',
    'Nothing is paid until the enrolment is reinstated.',
  ),
  actOperation('reinstate', 'Reinstate an enrolment', 'A suspended enrolment is paid again.'),
  actOperation('graduate', 'Graduate a household', 'Ends the enrolment because it has succeeded.'),
  actOperation('exit', 'End an enrolment', 'Ends the enrolment for another reason.'),
];

/**
 * Keeps enrolments in step with Coverages, in the write that changes them, and makes Coverages.
 *
 * A Coverage is an enrolment when it declares our profile or names a scheme by our extension;
 * every other one is just stored. A change of state must be one that the lifecycle allows, by
 * whatever path it comes.
 *
 * Spec: https://hl7.org/fhir/R4/coverage.html
 */

import type { Coverage } from '@medplum/fhirtypes';
import {
  type Context,
  codeIn,
  dayRange,
  declares,
  extensionOf,
  idIn,
  inPlace,
  localId,
  type Problem,
  partOf,
  problem,
  type ResourceWrite,
  structureDefinition,
  transition,
} from '../../src/sdk/index.ts';
import { enrolmentChanged } from './events.ts';
import {
  COVERAGE_STATUS,
  ENROL,
  type EnrolmentState,
  enrolmentLifecycle,
  LIVE_STATES,
} from './lifecycle.ts';
import { EXTENSION, reasonConcept, withExtension } from './names.ts';
import {
  type EnrolmentRow,
  type EnrolmentWrite,
  enrolmentsBefore,
  insertEnrolments,
  refuseStrangers,
  removeEnrolments,
  updateEnrolments,
} from './store/enrolments.ts';

export function isEnrolment(coverage: Coverage | undefined): boolean {
  return (
    coverage !== undefined &&
    (declares(coverage, 'enrolment') || extensionOf(coverage, 'enrolment-scheme') !== undefined)
  );
}

/** What a new Coverage says. */
export interface NewEnrolment {
  readonly schemeFhirId: string;
  readonly householdFhirId: string;
  /** FHIR id of the Patient who collects now; payroll follows the household's collector. */
  readonly recipientFhirId: string;
  /** `Organization/id` of the scheme's owner, where it has one. */
  readonly payor: string | undefined;
  readonly schemeName: string;
  readonly reason: string;
  readonly startsOn: string;
  /** `enrolled` unless there was no place. */
  readonly state?: 'enrolled' | 'waiting';
}

/** The Coverage that enrols a household. */
export function enrolmentCoverage(enrolment: NewEnrolment): Coverage {
  const { state = 'enrolled' } = enrolment;
  return {
    resourceType: 'Coverage',
    meta: { profile: [structureDefinition('enrolment')] },
    extension: [
      {
        url: EXTENSION.scheme,
        valueReference: { reference: `InsurancePlan/${enrolment.schemeFhirId}` },
      },
      {
        url: EXTENSION.household,
        valueReference: { reference: `Group/${enrolment.householdFhirId}` },
      },
      { url: EXTENSION.state, valueCode: state },
      { url: EXTENSION.reason, valueCodeableConcept: reasonConcept(enrolment.reason) },
      { url: EXTENSION.recipientBasis, valueCode: 'collector' },
    ],
    status: COVERAGE_STATUS[state],
    beneficiary: { reference: `Patient/${enrolment.recipientFhirId}` },
    period: { start: enrolment.startsOn },
    payor: [enrolment.payor ? { reference: enrolment.payor } : { display: enrolment.schemeName }],
  };
}

/** The Coverage in another state, for a reason. */
export function changedCoverage(
  coverage: Coverage,
  state: EnrolmentState,
  reason: string,
  on: string,
): Coverage {
  const reasoned = { url: EXTENSION.reason, valueCodeableConcept: reasonConcept(reason) };
  const stated = { url: EXTENSION.state, valueCode: state };
  return {
    ...coverage,
    extension: withExtension(withExtension(coverage.extension, stated), reasoned),
    status: COVERAGE_STATUS[state],
    period: LIVE_STATES.has(state) ? coverage.period : { ...coverage.period, end: on },
  };
}

/** Enrolments that a unit of work brings back as they stood, by FHIR id. */
const restored = new WeakMap<Context, ReadonlySet<string>>();

/**
 * Lets enrolments return in this unit of work from an end that was itself an error: a merge of people
 * that is taken back. No client can ask for it; what had ended otherwise is enrolled anew.
 *
 * @param ids  FHIR ids of Coverages
 */
export function restoreEnrolments(ctx: Context, ids: readonly string[]): void {
  restored.set(ctx, new Set(ids));
}

/** Projects Coverages that are enrolments; forgets those that are so no longer. */
export async function projectCoverages(
  ctx: Context,
  writes: readonly ResourceWrite<Coverage>[],
): Promise<void> {
  const older = writes.filter((write) => write.action !== 'create').map((write) => write.rid);
  const before = await enrolmentsBefore(ctx, older);
  const kept = writes.filter((write) => isEnrolment(write.resource));
  const stays = new Set(kept.map((write) => write.rid));
  const gone = [...before.keys()].filter((rid) => !stays.has(rid));
  if (kept.length === 0 && gone.length === 0) return;
  ctx.demand(ENROL);
  await removeEnrolments(ctx, gone);
  const rows = await readEnrolments(ctx, kept);
  await refuseStrangers(ctx, rows);
  for (const row of rows) inPlace(row.place, () => checkChange(ctx, before.get(row.rid), row));
  await updateEnrolments(
    ctx,
    rows.filter((row) => before.has(row.rid)),
  );
  await insertEnrolments(
    ctx,
    rows.filter((row) => !before.has(row.rid)),
  );
  for (const row of rows) {
    if (before.get(row.rid)?.state === row.state) continue;
    ctx.emit(enrolmentChanged, {
      enrolmentId: String(row.rid),
      householdId: String(row.householdId),
      schemeId: String(row.schemeId),
      state: row.state,
      reason: row.reason,
    });
  }
}

async function readEnrolments(
  ctx: Context,
  writes: readonly ResourceWrite<Coverage>[],
): Promise<EnrolmentWrite[]> {
  const read = writes.map((write) => ({
    write,
    ...inPlace(write.place, () => readCoverage(write.resource as Coverage)),
  }));
  const rids = async (type: string, ids: readonly string[]) =>
    ctx.fhir.rids(type, [...new Set(ids)]);
  const schemes = await rids(
    'InsurancePlan',
    read.map((each) => each.schemeId),
  );
  const households = await rids(
    'Group',
    read.map((each) => each.householdId),
  );
  const declared = read.map((each) => each.recipientId).filter((id) => id !== undefined);
  const recipients = declared.length > 0 ? await rids('Patient', declared) : new Map();
  return read.map(({ write, schemeId, householdId, recipientId, ...rest }) =>
    inPlace(write.place, () => ({
      rid: write.rid,
      id: write.id,
      version: write.version,
      place: write.place,
      schemeId: known(schemes, schemeId, 'InsurancePlan', 'enrolment-scheme'),
      householdId: known(households, householdId, 'Group', 'enrolment-household'),
      recipientId:
        recipientId === undefined ? null : known(recipients, recipientId, 'Patient', 'beneficiary'),
      ...rest,
      startsOn: rest.startsOn ?? ctx.now.toISOString().slice(0, 10),
    })),
  );
}

/**
 * What a Coverage says of an enrolment.
 *
 * @throws Problem `enrolment-incomplete`, `enrolment-status`
 */
export function readCoverage(coverage: Coverage) {
  const schemeId = idIn(extensionOf(coverage, 'enrolment-scheme'), 'InsurancePlan');
  const householdId = idIn(extensionOf(coverage, 'enrolment-household'), 'Group');
  const code = codeIn(extensionOf(coverage, 'enrolment-state'));
  const state = enrolmentLifecycle.states.find((each) => each === code);
  if (!schemeId || !householdId || !state) {
    throw problem(
      'required',
      'enrolment-incomplete',
      'An enrolment names its scheme (InsurancePlan/id), its household (Group/id) and its state: ' +
        `one of ${enrolmentLifecycle.states.join(', ')}.`,
      'Coverage.extension',
    );
  }
  if (coverage.status && coverage.status !== COVERAGE_STATUS[state]) {
    throw problem(
      'value',
      'enrolment-status',
      `An enrolment that is ${state} has the status ${COVERAGE_STATUS[state]}.`,
      'Coverage.status',
    );
  }
  const rank = extensionOf(coverage, 'enrolment-rank');
  const recertified = extensionOf(coverage, 'enrolment-recertified-on')?.valueDate;
  const followsCollector = codeIn(extensionOf(coverage, 'recipient-basis')) === 'collector';
  return {
    schemeId,
    householdId,
    recipientId: followsCollector ? undefined : localId(coverage.beneficiary?.reference, 'Patient'),
    state,
    reason: codeIn(extensionOf(coverage, 'enrolment-reason')) ?? null,
    startsOn: coverage.period?.start && dayRange(coverage.period.start).first,
    endsOn: coverage.period?.end ? dayRange(coverage.period.end).last : null,
    position: partOf(rank, 'position')?.valuePositiveInt ?? null,
    score: partOf(rank, 'score')?.valueDecimal?.toString() ?? null,
    recertifiedOn: recertified ? dayRange(recertified).first : null,
  };
}

function known(
  found: ReadonlyMap<string, bigint>,
  id: string,
  type: string,
  place: string,
): bigint {
  const rid = found.get(id);
  if (rid !== undefined) return rid;
  throw problem(
    'unprocessable-reference',
    'reference-unknown',
    `${type}/${id} is not known here; send it first or in the same transaction.`,
    place === 'beneficiary' ? `Coverage.${place}` : `Coverage.extension('${place}')`,
  );
}

function checkChange(ctx: Context, before: EnrolmentRow | undefined, row: EnrolmentWrite): void {
  if (!before) {
    if (LIVE_STATES.has(row.state) && row.state !== 'suspended') return;
    if (row.reason) return;
    throw reasonMissing(row.state);
  }
  if (before.household_id !== row.householdId || before.scheme_id !== row.schemeId) {
    throw problem(
      'not-supported',
      'enrolment-moved',
      'An enrolment keeps its household and scheme; end it and enrol anew.',
      'Coverage.extension',
    );
  }
  if (before.state === row.state || restored.get(ctx)?.has(row.id)) return;
  const found = enrolmentLifecycle.transitions.find(
    (each) => each.to === row.state && each.from.some((state) => state === before.state),
  );
  if (!found) throw wrongState(before.state, row.state);
  transition(ctx, enrolmentLifecycle, found.act, before.state, {}, row.reason ?? undefined);
}

function reasonMissing(state: string): Problem {
  return problem(
    'required',
    'reason-missing',
    `An enrolment that is ${state} says why: give enrolment-reason.`,
    `Coverage.extension('enrolment-reason')`,
  );
}

function wrongState(from: EnrolmentState, to: EnrolmentState): Problem {
  const possible = enrolmentLifecycle.transitions
    .filter((each) => each.from.some((state) => state === from))
    .map((each) => each.to);
  return problem(
    'conflict',
    'wrong-state',
    `This enrolment is ${from} and cannot become ${to}; ` +
      `possible: ${possible.join(', ') || 'nothing, it has ended; enrol anew'}.`,
    `Coverage.extension('enrolment-state')`,
  );
}

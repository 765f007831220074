/**
 * Households as they were recorded at an instant, in the form in which test cases of rules are
 * written: made from the history of Groups, Patients, Coverages, Observations,
 * QuestionnaireResponses and Locations, not from the typed tables that payrolls join, so that what
 * these tables said can be checked.
 */

import type { Coverage, Group, Location, Patient } from '@medplum/fhirtypes';
import type { Context, RecordedVersion } from '../../src/sdk/index.ts';
import { type HouseholdFacts, readHousehold, readMember } from '../households/index.ts';
import { isArea, readArea } from '../pay-points/index.ts';
import { readCoverage } from './enrolment.ts';
import {
  answersBy,
  plainFacts,
  type RecallQuestion,
  type Recorded,
  recordsOf,
} from './recall-records.ts';
import type { Example, ExampleMember, FactText } from './rules/example.ts';
import { decisionsOf, enrolmentsOf } from './store/recall.ts';

/** A household to recall. */
export interface Recalled {
  readonly householdId: bigint;
  readonly enrolmentId: bigint;
  /** The version of the Group that was read; null: the one that stood at the instant. */
  readonly householdVersion: number | null;
}

const dayIn = (instant: Date): string => instant.toISOString().slice(0, 10);

/** Households as examples; those of which nothing was recorded are absent. */
export async function recallHouseholds(
  ctx: Context,
  question: RecallQuestion,
  wanted: readonly Recalled[],
): Promise<Map<bigint, Example>> {
  const households = wanted.map((each) => each.householdId);
  const groups = groupsOf(
    wanted,
    await ctx.fhir.recorded('Group', households, question.at, 'all'),
    question.at,
  );
  const ids = [...groups.values()].flatMap(({ facts }) => facts.members.map(({ id }) => id));
  const found = await ctx.fhir.recorded('Patient', [...new Set(ids)], question.at, 'latest');
  const patients = new Map(found.map((each) => [each.id, each]));
  const areas = await areaCodes(ctx, question, groups);
  const enrolments = await recallEnrolments(ctx, question, wanted);
  const decisions = question.plan.usesValidation
    ? await decisionsOf(ctx, question.schemeId, households, question.at)
    : new Map<bigint, string>();
  const members = new Map(found.map((each) => [each.rid, each.id]));
  const records = await recordsOf(ctx, question, households, members);
  const answers = await answersBy(ctx, question, households, [...members.keys()]);
  const examples = new Map<bigint, Example>();
  for (const [householdId, { facts, id }] of groups) {
    const said = { patients, records: records.get(householdId), answers };
    examples.set(householdId, {
      members: membersOf(facts, said, question.asOf),
      characteristics: Object.fromEntries(
        facts.characteristics.map((each) => [
          each.code,
          each.number === null ? (each.value ?? each.boolean ?? false) : Number(each.number),
        ]),
      ),
      answers: answers.get(`Group/${id}`) ?? {},
      compliance: records.get(householdId)?.get('') ?? {},
      area: areas.get(facts.areaId ?? '') ?? [],
      communityDecision: decisions.get(householdId),
      enrolledIn: enrolments.schemes.get(householdId) ?? [],
      enrolment: enrolments.own.get(householdId),
    });
  }
  return examples;
}

interface RecalledGroup {
  readonly id: string;
  readonly facts: HouseholdFacts;
}

function groupsOf(
  wanted: readonly Recalled[],
  versions: readonly RecordedVersion[],
  at: Date,
): Map<bigint, RecalledGroup> {
  const byRid = Map.groupBy(versions, (each) => each.rid);
  const groups = new Map<bigint, RecalledGroup>();
  for (const { householdId, householdVersion } of wanted) {
    const own = byRid.get(householdId) ?? [];
    const read = own.find((each) => each.version === householdVersion);
    const found = read ?? own.findLast((each) => each.recordedAt <= at);
    if (!found?.resource) continue;
    groups.set(householdId, { id: found.id, facts: factsIn(found) });
  }
  return groups;
}

/** Facts as they were read when this version was written; accounts are of no account here. */
function factsIn({ resource, recordedAt }: RecordedVersion): HouseholdFacts {
  const { extension = [], ...group } = resource as Group;
  const others = extension.filter(({ url }) => !url.endsWith('/payment-account'));
  return readHousehold({ ...group, extension: others }, dayIn(recordedAt), undefined);
}

interface Said {
  readonly patients: ReadonlyMap<string, RecordedVersion>;
  /** Conditions by FHIR id of the member. */
  readonly records: ReadonlyMap<string, Recorded> | undefined;
  readonly answers: ReadonlyMap<string, Readonly<Record<string, Record<string, FactText>>>>;
}

function membersOf(facts: HouseholdFacts, said: Said, asOf: string): ExampleMember[] {
  return facts.members
    .filter((link) => link.active)
    .flatMap((link): ExampleMember[] => {
      const found = said.patients.get(link.id);
      if (!found?.resource) return [];
      const { telecom: _, ...patient } = found.resource as Patient;
      const own = readMember(patient, undefined, dayIn(found.recordedAt));
      if (own.deceased && !(own.deceasedOn !== null && own.deceasedOn > asOf)) return [];
      return [
        {
          birthDate: own.birthDate ?? undefined,
          birthDateLast: own.birthDateLast ?? undefined,
          sex: own.sex ?? undefined,
          role: link.role ?? undefined,
          disability: own.disability ?? undefined,
          characteristics: plainFacts(own.facts ?? {}),
          answers: said.answers.get(`Patient/${link.id}`) ?? {},
          compliance: said.records?.get(link.id) ?? {},
        },
      ];
    })
    .filter(({ birthDate }) => birthDate === undefined || birthDate <= asOf);
}

// ── areas ────────────────────────────────────────────────────────────────────────────────────

/** Codes of areas from the outermost, by the FHIR id of the innermost, as the Locations said then. */
async function areaCodes(
  ctx: Context,
  { plan, at }: RecallQuestion,
  groups: ReadonlyMap<bigint, RecalledGroup>,
): Promise<Map<string, (string | undefined)[]>> {
  const paths = new Map<string, (string | undefined)[]>();
  if (plan.areaLevels.size === 0 && plan.areas.size === 0) return paths;
  const places = new Map<string, RecordedVersion>();
  let wanted = new Set([...groups.values()].flatMap(({ facts }) => facts.areaId ?? []));
  const own = [...wanted];
  while (wanted.size > 0) {
    const found = await ctx.fhir.recorded('Location', [...wanted], at, 'latest');
    for (const each of found) places.set(each.id, each);
    const parents = found.flatMap(({ resource }) => parentOf(resource) ?? []);
    wanted = new Set(parents.filter((id) => !places.has(id)));
  }
  for (const id of own) paths.set(id, pathTo(id, places));
  return paths;
}

function parentOf(resource: RecordedVersion['resource']): string | undefined {
  return isArea(resource as Location) ? readArea(resource as Location).parentId : undefined;
}

function pathTo(id: string, places: ReadonlyMap<string, RecordedVersion>): (string | undefined)[] {
  const codes: (string | undefined)[] = [];
  const seen = new Set<string>();
  for (let at: string | undefined = id; at !== undefined && !seen.has(at); ) {
    seen.add(at);
    const location: Location | undefined = places.get(at)?.resource as Location | undefined;
    if (!location || !isArea(location)) break;
    const facts = readArea(location);
    codes.unshift(facts.code ?? undefined);
    at = facts.parentId;
  }
  return codes;
}

// ── enrolments ───────────────────────────────────────────────────────────────────────────────

async function recallEnrolments(
  ctx: Context,
  { at, plan, paidCycles }: RecallQuestion,
  wanted: readonly Recalled[],
) {
  const own = new Map<bigint, NonNullable<Example['enrolment']>>();
  const schemes = new Map<bigint, string[]>();
  const households = wanted.map((each) => each.householdId);
  const others = plan.schemes.size > 0 ? await enrolmentsOf(ctx, households, at) : [];
  const holder = new Map(others.map((each) => [each.enrolment_id, each.household_id]));
  const mine = new Map(wanted.map((each) => [each.enrolmentId, each.householdId]));
  const keys = [...new Set([...mine.keys(), ...holder.keys()])];
  for (const each of await ctx.fhir.recorded('Coverage', keys, at, 'latest')) {
    if (!each.resource) continue;
    const found = readCoverage(each.resource as Coverage);
    const household = mine.get(each.rid);
    if (household !== undefined) {
      own.set(household, {
        startedOn: found.startsOn ?? dayIn(each.recordedAt),
        endsOn: found.endsOn ?? undefined,
        paidCycles: paidCycles.get(household) ?? 0,
      });
    }
    const of = holder.get(each.rid) ?? household;
    if (of === undefined || (found.state !== 'enrolled' && found.state !== 'suspended')) continue;
    schemes.set(of, [...(schemes.get(of) ?? []), found.schemeId]);
  }
  return { own, schemes };
}

/**
 * Households as they were recorded at an instant, in the form in which test cases of rules are
 * written: made from the history of Groups, Patients, Coverages, Observations,
 * QuestionnaireResponses and Locations, not from the typed tables that payrolls join, so that what
 * these tables said can be checked.
 */

import type { Coverage, Location, Patient } from '@medplum/fhirtypes';
import type { Context, RecordedVersion } from '../../src/sdk/index.ts';
import {
  type HouseholdFacts,
  householdOn,
  householdsOf,
  type MemberFacts,
  memberOn,
  recordedHousehold,
  recordedMember,
  staysAt,
  survivorOf,
} from '../households/index.ts';
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
  const groups = await groupsOf(ctx, question, wanted);
  const patients = await membersIn(ctx, question, groups);
  const areas = await areaCodes(ctx, question, groups);
  const enrolments = await recallEnrolments(ctx, question, wanted);
  const decisions = question.plan.usesValidation
    ? await decisionsOf(ctx, question.schemeId, households, question.at)
    : new Map<bigint, string>();
  const members = new Map([...patients.values()].map(({ rid, facts }) => [rid, facts.id]));
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

async function groupsOf(
  ctx: Context,
  { at, factsOn }: RecallQuestion,
  wanted: readonly Recalled[],
): Promise<Map<bigint, RecalledGroup>> {
  const households = wanted.map((each) => each.householdId);
  const versions = await ctx.fhir.recorded('Group', households, at, 'all');
  const byRid = Map.groupBy(versions, (each) => each.rid);
  const groups = new Map<bigint, RecalledGroup>();
  for (const { householdId, householdVersion } of wanted) {
    const own = byRid.get(householdId) ?? [];
    const read = own.find((each) => each.version === householdVersion) ?? own.at(-1);
    if (!read?.resource) continue;
    const facts = factsOn === null ? recordedHousehold(read) : householdOn(own, factsOn);
    if (facts) groups.set(householdId, { id: read.id, facts });
  }
  if (factsOn === null) return groups;
  return withSurvivors(ctx, await withStays(ctx, groups, factsOn, at), factsOn, at);
}

/** Members by the days that are stated, over those by the days of writing. */
async function withStays(
  ctx: Context,
  groups: ReadonlyMap<bigint, RecalledGroup>,
  day: string,
  at: Date,
): Promise<Map<bigint, RecalledGroup>> {
  const links = [...groups].flatMap(([householdId, { facts }]) =>
    facts.members.filter(({ active }) => active).map(({ id }) => ({ householdId, id })),
  );
  const ids = [...new Set(links.map(({ id }) => id))];
  const rids = new Map(
    (await ctx.fhir.recorded('Patient', ids, at, 'latest')).map(({ id, rid }) => [id, rid]),
  );
  const named = links.flatMap(({ householdId, id }) => {
    const memberId = rids.get(id);
    return memberId === undefined ? [] : [{ householdId, memberId }];
  });
  const found = await staysAt(ctx, [...groups.keys()], named, day, at);
  const others = found.filter(({ stays }) => stays).map((each) => each.member_id);
  const idOf = new Map(
    (await ctx.fhir.recorded('Patient', others, at, 'latest')).map(({ id, rid }) => [rid, id]),
  );
  return new Map(
    [...groups].map(([householdId, group]) => {
      const own = found.filter((each) => each.household_id === householdId);
      const gone = new Set(own.filter(({ stays }) => !stays).map((each) => each.member_id));
      const members = group.facts.members.filter(
        ({ id, active }) => active && !gone.has(rids.get(id) ?? 0n),
      );
      const stays = own.flatMap(({ stays, member_id: memberId, role, position }) => {
        const id = idOf.get(memberId);
        return stays && id !== undefined
          ? [{ id, role, position, collector: null, active: true }]
          : [];
      });
      return [
        householdId,
        { ...group, facts: { ...group.facts, members: [...members, ...stays] } },
      ];
    }),
  );
}

/** Who had been merged into another record counts as that one, where that one counts. */
async function withSurvivors(
  ctx: Context,
  groups: Map<bigint, RecalledGroup>,
  day: string,
  at: Date,
): Promise<Map<bigint, RecalledGroup>> {
  const known = new Map<string, RecordedVersion>();
  const ids = [...groups.values()].flatMap(({ facts }) => facts.members.map(({ id }) => id));
  for (let wanted = [...new Set(ids)]; wanted.length > 0; ) {
    const found = await ctx.fhir.recorded('Patient', wanted, at, 'latest');
    for (const each of found) known.set(each.id, each);
    const others = found.flatMap(({ resource }) => survivorOf(resource as Patient) ?? []);
    wanted = [...new Set(others)].filter((id) => !known.has(id));
  }
  const last = (id: string, steps = 0): string => {
    const next = survivorOf(known.get(id)?.resource as Patient | undefined);
    return next === undefined || steps > 100 ? id : last(next, steps + 1);
  };
  const survivors = new Set(ids.map((id) => last(id)).filter((id) => !ids.includes(id)));
  if (ids.every((id) => last(id) === id)) return groups;
  const rids = [...survivors].flatMap((id) => known.get(id)?.rid ?? []);
  const places = await householdsOf(ctx, rids, day);
  for (const [householdId, group] of groups) {
    const own = new Set(group.facts.members.map(({ id }) => id));
    const seen = new Set<string>();
    const members = group.facts.members.flatMap((link) => {
      const id = last(link.id);
      if (id === link.id) return [link];
      const isHere = places.get(known.get(id)?.rid ?? 0n) === householdId;
      if (own.has(id) || seen.has(id) || !isHere) return [];
      seen.add(id);
      return [{ ...link, id }];
    });
    groups.set(householdId, { ...group, facts: { ...group.facts, members } });
  }
  return groups;
}

interface RecalledMember {
  readonly rid: bigint;
  readonly facts: MemberFacts;
}

/** Members of households by their FHIR id. */
async function membersIn(
  ctx: Context,
  { at, factsOn }: RecallQuestion,
  groups: ReadonlyMap<bigint, RecalledGroup>,
): Promise<Map<string, RecalledMember>> {
  const ids = [...groups.values()].flatMap(({ facts }) => facts.members.map(({ id }) => id));
  const which = factsOn === null ? 'latest' : 'all';
  const versions = await ctx.fhir.recorded('Patient', [...new Set(ids)], at, which);
  const members = new Map<string, RecalledMember>();
  for (const [rid, own] of Map.groupBy(versions, (each) => each.rid)) {
    const latest = own.at(-1)!;
    if (!latest.resource) continue;
    const facts = factsOn === null ? recordedMember(latest) : memberOn(own, factsOn);
    if (facts) members.set(latest.id, { rid, facts });
  }
  return members;
}

interface Said {
  readonly patients: ReadonlyMap<string, RecalledMember>;
  /** Conditions by FHIR id of the member. */
  readonly records: ReadonlyMap<string, Recorded> | undefined;
  readonly answers: ReadonlyMap<string, Readonly<Record<string, Record<string, FactText>>>>;
}

function membersOf(facts: HouseholdFacts, said: Said, asOf: string): ExampleMember[] {
  return facts.members
    .filter((link) => link.active)
    .flatMap((link): ExampleMember[] => {
      const own = said.patients.get(link.id)?.facts;
      if (!own || (own.deceased && !(own.deceasedOn !== null && own.deceasedOn > asOf))) return [];
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

/**
 * `Group/$match`: which registered household a family may be, though it names another head, spells
 * its names otherwise or lacks a member. Ours: R4 knows no such operation.
 *
 * Each member given is looked for by itself; members of one registered household speak for it
 * together. The score is the sum of the best one-to-one probabilities over the smaller size.
 *
 * Rights, reach, scopes and masks are those of `Patient/$match`.
 */

import type { Bundle, BundleEntry, Group, OperationDefinition, Patient } from '@medplum/fhirtypes';
import {
  type Context,
  inputParameter,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  parameterIn,
  problem,
  structureDefinition,
} from '../../src/sdk/index.ts';
import { PHONE_COUNTRY } from '../households/index.ts';
import { gradeOfOverlap, oneToOne } from './households/overlap.ts';
import { countOf, nothingToCompare, refuseMasked } from './match.ts';
import { keyReader } from './matching/keys.ts';
import { registryOf } from './matching/registry.ts';
import { MATCH } from './permissions.ts';
import { Desk } from './registry/desk.ts';
import { personOf } from './registry/person.ts';
import { judgeOf } from './registry/weights.ts';
import { candidatesOfFamily, placesOf } from './store/candidates.ts';
import { type HouseholdRow, householdsOf } from './store/households.ts';

const GRADE = 'http://hl7.org/fhir/StructureDefinition/match-grade';
/** Members of a family that are looked at. */
const MEMBERS_MAX = 40;
/** Pairs of members less likely say nothing. */
const PAIR_MIN = 0.1;
/** Households less alike are not answered. */
const ANSWERED_MIN = 0.2;
const FETCHED_MAX = 50;

const definition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: operationDefinition('group-match'),
  name: 'GroupMatch',
  status: 'active',
  kind: 'operation',
  code: 'match',
  description:
    'Finds the households that may be the family given, the likeliest first, with the members that ' +
    'match.',
  affectsState: false,
  resource: ['Group'],
  system: false,
  type: true,
  instance: false,
  parameter: [
    {
      name: 'resource',
      use: 'in',
      min: 1,
      max: '1',
      type: 'Group',
      documentation: 'The family; its members are contained Patients.',
    },
    inputParameter(
      'onlyCertainMatches',
      'boolean',
      'Answers only households of which a member is certain.',
    ),
    inputParameter('count', 'integer', 'Households answered at most.'),
    outputParameter('return', 'Bundle', 1),
  ],
};

/** The operation. */
export const groupMatchOperation: Operation = {
  definition,
  permission: MATCH,
  narrowsAreas: true,
  run: matchGroup,
};

/** Two members that may be one person: the place of the one given, the id of the one found. */
interface MemberPair {
  readonly given: number;
  readonly found: string;
  readonly p: number;
  readonly certain: boolean;
}

interface Overlap {
  readonly household: HouseholdRow;
  readonly score: number;
  readonly pairs: readonly MemberPair[];
}

async function matchGroup(ctx: Context, input: OperationInput): Promise<Bundle> {
  refuseMasked(ctx);
  const count = countOf(input);
  const only = parameterIn(input, 'onlyCertainMatches')?.valueBoolean === true;
  const members = membersOf(parameterIn(input, 'resource')?.resource as Group);
  const pairs = await memberPairs(ctx, members);
  const overlaps = (await overlapsOf(ctx, pairs, members.length))
    .filter((each) => !only || each.pairs.some(({ certain }) => certain))
    .slice(0, FETCHED_MAX);
  const visible = await visibleGroups(ctx, overlaps);
  const entries = overlaps
    .flatMap((each) => {
      const entry = visible.get(each.household.fhir_id);
      return entry ? [entryOf(each, entry, members)] : [];
    })
    .slice(0, count);
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: entries.length,
    ...(entries.length > 0 && { entry: entries }),
  };
}

/** The contained Patients; @throws Problem when there are none, or too many */
function membersOf(group: Group): readonly Patient[] {
  const contained: readonly unknown[] = Array.isArray(group.contained) ? group.contained : [];
  const members = contained.filter(
    (each): each is Patient =>
      typeof each === 'object' && each !== null && (each as Patient).resourceType === 'Patient',
  );
  if (members.length === 0) throw nothingToCompare('resource.contained');
  if (members.length <= MEMBERS_MAX) return members;
  throw problem(
    'too-costly',
    'match-members',
    `A family has at most ${MEMBERS_MAX} members here.`,
    'resource.contained',
  );
}

/** Registered members of households that the ones given may be. */
async function memberPairs(
  ctx: Context,
  members: readonly Patient[],
): Promise<(MemberPair & { readonly householdId: bigint })[]> {
  const people = members.map((each) => personOf(each, ctx.setting(PHONE_COUNTRY)));
  const registry = registryOf(people);
  const keysOf = keyReader(registry);
  const keys = people.map((_, at) => keysOf(at));
  if (keys.every((each) => each.length === 0)) throw nothingToCompare('resource.contained');
  const candidates = await candidatesOfFamily(ctx, keys);
  if (candidates.length === 0) return [];
  const among = placesOf(candidates, people.length);
  const desk = new Desk(people, candidates, (person) => among[person]!);
  const { judge } = await judgeOf(ctx, desk, PAIR_MIN);
  const likely = people.flatMap((_, given) =>
    judge.ranked(given).map(({ candidate }) => candidate.fhir_id),
  );
  const visible = await visiblePatients(ctx, [...new Set(likely)]);
  const seen = new Set(candidates.flatMap(({ fhir_id: id }, at) => (visible.has(id) ? [at] : [])));
  return people.flatMap((_, given) =>
    judge.ranked(given, seen).map(({ candidate, p, grade }) => ({
      given,
      found: candidate.fhir_id,
      p,
      certain: grade === 'certain',
      householdId: candidate.household_id!,
    })),
  );
}

/** Those of these Patients whom the caller may see. */
async function visiblePatients(
  ctx: Context,
  wanted: readonly string[],
): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (let at = 0; at < wanted.length; at += FETCHED_MAX) {
    const some = wanted.slice(at, at + FETCHED_MAX);
    const query = new URLSearchParams({
      _id: some.join(','),
      _count: String(some.length),
      _elements: 'id',
    });
    const { entry = [] } = await ctx.fhir.search<Patient>('Patient', query.toString());
    for (const { resource } of entry) if (resource?.id) seen.add(resource.id);
  }
  return seen;
}

/** Households by how much of them, or of the family given, is in both; the likeliest first. */
async function overlapsOf(
  ctx: Context,
  pairs: readonly (MemberPair & { readonly householdId: bigint })[],
  size: number,
): Promise<Overlap[]> {
  const byHousehold = Map.groupBy(pairs, (each) => each.householdId);
  const households = await householdsOf(ctx, [...byHousehold.keys()]);
  const overlaps = households.map((household): Overlap => {
    const best = oneToOne(byHousehold.get(household.household_id) ?? []);
    const smaller = Math.max(1, Math.min(size, household.members_count));
    const sum = best.reduce((so, { p }) => so + p, 0);
    return { household, score: Math.min(1, sum / smaller), pairs: best };
  });
  return overlaps.filter(({ score }) => score >= ANSWERED_MIN).sort((x, y) => y.score - x.score);
}

async function visibleGroups(
  ctx: Context,
  overlaps: readonly Overlap[],
): Promise<Map<string, BundleEntry<Group>>> {
  if (overlaps.length === 0) return new Map();
  const query = new URLSearchParams({
    _id: overlaps.map(({ household }) => household.fhir_id).join(','),
    _count: String(FETCHED_MAX),
  });
  const { entry = [] } = await ctx.fhir.search<Group>('Group', query.toString());
  return new Map(entry.map((each) => [each.resource?.id ?? '', each]));
}

function entryOf(
  overlap: Overlap,
  { fullUrl, resource }: BundleEntry<Group>,
  members: readonly Patient[],
): BundleEntry {
  const round = (p: number): number => Math.round(p * 1e6) / 1e6;
  return {
    ...(fullUrl && { fullUrl }),
    resource: resource!,
    search: {
      extension: [
        { url: GRADE, valueCode: gradeOfOverlap({ score: overlap.score, ties: overlap.pairs }) },
        ...overlap.pairs.map(({ given, found, p }) => ({
          url: structureDefinition('matched-member'),
          extension: [
            { url: 'given', valueString: members[given]?.id ?? String(given) },
            { url: 'found', valueReference: { reference: `Patient/${found}` } },
            { url: 'score', valueDecimal: round(p) },
          ],
        })),
      ],
      mode: 'match',
      score: round(overlap.score),
    },
  };
}

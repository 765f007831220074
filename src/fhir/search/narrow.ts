/**
 * What narrows an actor's view of a type, as SQL: its limits (areas and schemes), the security
 * context of Binaries, and the conditions of its scopes. Knows no searching: how terms become SQL is
 * handed in, because searches themselves are narrowed by this.
 *
 * A type's own rules come from the rooms (`reachRule`). A stored type without a rule for areas or
 * schemes follows the people it is about: the references that lead it into the Patient compartment,
 * to Patients or Groups. What is about nobody (places, definitions) is open to whoever may read it.
 * A projected type without any rule is seen only by who is not limited.
 */

import type { UnitOfWork } from '../../app.ts';
import {
  type Actor,
  alsoAbout,
  type ProjectedBinding,
  type ReachKind,
  type ReachRule,
  reachRule,
} from '../../sdk/index.ts';
import { type Act, scopesFor } from '../authorize.ts';
import { fhirOf } from '../types.ts';
import { parseSearch, type Term } from './parse.ts';
import type { Values } from './parts.ts';
import { contextTests, type LimitGroup, readsEverything } from './security-context.ts';

interface Limit {
  readonly kind: ReachKind;
  readonly rids: readonly bigint[];
}

/** What limits an actor; empty for one who sees everything. */
export function limitsOf({ reach, breakGlass }: Actor): readonly Limit[] {
  if (breakGlass !== undefined) return [];
  const limits: Limit[] = [];
  if (reach.areas !== 'all') limits.push({ kind: 'areas', rids: reach.areas });
  if (reach.schemes !== 'all') limits.push({ kind: 'schemes', rids: reach.schemes });
  return limits;
}

/** Conditions of the limits of an actor on stored resources (alias `r`) of a type. */
export function storedLimits(unit: UnitOfWork, type: string, values: Values): string[] {
  const tests = limitTests(unit, [type], values);
  if (!isOwned(type) || isOpen(unit)) return tests;
  if (type === 'Subscription') return [...tests, ownSubscriptions(unit, values)];
  return [...tests, ...contextTests(unit, values, (types) => limitGroups(unit, types, values))];
}

/** Types whose resources are closed to most, one by one. */
function isOwned(type: string): boolean {
  return type === 'Binary' || type === 'Subscription';
}

/**
 * What somebody waits for, and where it is sent, is theirs: whoever wrote it, and who reads
 * everything.
 */
function ownSubscriptions({ actor }: UnitOfWork, values: Values): string {
  return `exists (select from subscription s where s.rid = r.rid
    and s.author = ${values.add(actor.id, 'text')})`;
}

/** The same for the rows (alias `v`) of a projected binding. */
export function projectedLimits(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  values: Values,
): string[] {
  const limits = limitsOf(unit.actor);
  if (limits.length === 0) return [];
  const rules = unit.parts(reachRule).filter((each) => each.profile === binding.profile);
  if (rules.length === 0) return ['false'];
  return limits.flatMap((limit) =>
    joined(
      rules.filter((each) => each.limits === limit.kind),
      'v',
      values.add(limit.rids, 'bigint[]'),
    ),
  );
}

/** People of a reach whose references are followed before it counts as large. */
const PEOPLE_MAX = 10_000;

/**
 * All that the first of an actor's limits lets through of a stored type, and perhaps more, as a set to
 * begin with: the limits are tested all the same. `capped` gives more rows than any set may have
 * where the people whom a type is about are too many to follow.
 */
export function reachSet(
  unit: UnitOfWork,
  type: string,
  values: Values,
): { readonly set: string; readonly capped: boolean } | undefined {
  for (const { kind, rids } of limitsOf(unit.actor)) {
    const reach = values.add(rids, 'bigint[]');
    const own = setOf(rulesOf(unit, kind, type), reach);
    if (own) return { set: own, capped: false };
    const about =
      rulesOf(unit, kind, type).length === 0 && aboutSet(unit, kind, type, reach, values);
    if (about) return { set: about, capped: true };
  }
  return undefined;
}

function setOf(rules: readonly ReachRule[], reach: string): string | undefined {
  if (rules.length === 0 || !rules.every((each) => each.set)) return undefined;
  return rules.map((each) => each.set!(reach)).join(' union all ');
}

function aboutSet(
  unit: UnitOfWork,
  kind: ReachKind,
  type: string,
  reach: string,
  values: Values,
): string | undefined {
  const { definitions } = fhirOf(unit);
  const codes = definitions.compartment('Patient')?.parameters.get(type);
  if (!codes) return undefined;
  const keys = codes.flatMap((code) => definitions.searchParameter(type, code)?.key ?? []);
  const params = values.add(keys, 'int[]');
  const targets = ['Patient', 'Group'].filter((each) => rulesOf(unit, kind, each).length > 0);
  const sets = targets.map((target) => ({
    number: definitions.typeNumber(target),
    set: setOf(rulesOf(unit, kind, target), reach),
  }));
  if (sets.length === 0 || sets.some((each) => !each.set)) return undefined;
  const over = sets.map(
    ({ set }) => `(select count(*) from (select from (${set}) q limit ${PEOPLE_MAX + 1}) c)`,
  );
  const found = sets.map(
    ({ number, set }) => `select x.rid from (select q.rid from (${set}) q limit ${PEOPLE_MAX}) p
      cross join lateral (select t.id from resource t where t.type = ${number} and t.rid = p.rid
        and t.bucket = (p.rid & 63) offset 0) t
      cross join lateral (select own.rid from ref own where own.target = t.id
        and own.param = any(${params}) and own.type = ${number} offset 0) x`,
  );
  const many = `select 0::bigint as rid from generate_series(0, ${PEOPLE_MAX}) g
    where ${over.map((each) => `${each} > ${PEOPLE_MAX}`).join(' or ')}`;
  return [many, ...found].join(' union all ');
}

/** True for whoever may read everything, so that no security context closes a Binary. */
function isOpen(unit: UnitOfWork): boolean {
  return readsEverything(unit) && limitsOf(unit.actor).length === 0;
}

/** The limits of a type, or of several that have no rules of their own. */
function limitTests(unit: UnitOfWork, types: readonly string[], values: Values): string[] {
  const tests: string[] = [];
  const people: PeopleLimit[] = [];
  for (const { kind, rids } of limitsOf(unit.actor)) {
    const reach = values.add(rids, 'bigint[]');
    tests.push(...allOfThem(unit, kind, types, reach));
    const own = types.length === 1 ? rulesOf(unit, kind, types[0]!) : [];
    if (own.length > 0) tests.push(...joined(own, 'r', reach));
    else people.push({ kind, reach });
  }
  if (people.length > 0) tests.push(...peopleTest(unit, people, types, values));
  return tests;
}

/** What is about several people at once is in reach where they all are. */
function allOfThem(
  unit: UnitOfWork,
  kind: ReachKind,
  types: readonly string[],
  reach: string,
): string[] {
  const parts = unit.parts(alsoAbout).filter(({ type }) => types.includes(type));
  return parts.flatMap(({ rids }) =>
    (['Patient', 'Group'] as const).flatMap((target) =>
      joined(rulesOf(unit, kind, target), 'o', reach).map(
        (test) => `not exists (select from (${rids('r', target)}) o(rid) where not ${test})`,
      ),
    ),
  );
}

/** A limit that falls upon people; `reach` is SQL. */
interface PeopleLimit {
  readonly kind: ReachKind;
  readonly reach: string;
}

/** The limits of many types, so that a query has one condition for all that follow people. */
function limitGroups(unit: UnitOfWork, types: readonly string[], values: Values): LimitGroup[] {
  const people = fhirOf(unit).definitions.compartment('Patient')?.parameters;
  const kinds = limitsOf(unit.actor).map((each) => each.kind);
  const groups = Map.groupBy(types, (type) => {
    if (kinds.some((kind) => rulesOf(unit, kind, type).length > 0)) return type;
    if (unit.parts(alsoAbout).some((each) => each.type === type)) return type;
    return people?.has(type) ? 'people' : 'nobody';
  });
  return [...groups.values()].map((each) => ({
    types: each,
    tests: limitTests(unit, each, values),
  }));
}

function rulesOf(unit: UnitOfWork, kind: ReachKind, type: string): ReachRule[] {
  return unit
    .parts(reachRule)
    .filter((each) => each.limits === kind && each.type === type && !each.profile);
}

function joined(rules: readonly ReachRule[], row: string, reach: string): string[] {
  if (rules.length === 0) return [];
  return [`(${rules.map((each) => each.test(row, reach)).join(' or ')})`];
}

/** True when some limit of the actor falls on a type by the people that it is about. */
export function followsPeople(unit: UnitOfWork, type: string): boolean {
  if (!fhirOf(unit).definitions.compartment('Patient')?.parameters.has(type)) return false;
  return limitsOf(unit.actor).some(({ kind }) => rulesOf(unit, kind, type).length === 0);
}

/** A resource is in reach when one of the people that it is about is, by all limits. */
function peopleTest(
  unit: UnitOfWork,
  limits: readonly PeopleLimit[],
  types: readonly string[],
  values: Values,
): string[] {
  const { definitions } = fhirOf(unit);
  const compartment = definitions.compartment('Patient')?.parameters;
  if (!types.some((type) => compartment?.has(type))) return [];
  const keys = types.flatMap((type) =>
    (compartment?.get(type) ?? []).flatMap(
      (code) => definitions.searchParameter(type, code)?.key ?? [],
    ),
  );
  const people = ['Patient', 'Group'].flatMap((target) => {
    const tests = limits.map(({ kind, reach }) => joined(rulesOf(unit, kind, target), 't', reach));
    if (tests.some((each) => each.length === 0)) return [];
    const number = definitions.typeNumber(target);
    return [`(x.type = ${number} and t.type = ${number} and ${tests.flat().join(' and ')})`];
  });
  if (people.length === 0) return ['false'];
  return [
    `exists (select from ref x join resource t on t.id = x.target
       where x.rid = r.rid and x.param = any(${values.add(keys, 'int[]')})
         and (${people.join(' or ')}))`,
  ];
}

/**
 * Scopes with conditions (`system/Coverage.rs?status=active`): one of them must hold.
 *
 * @param testsOf  the tests of terms, as of an actor without scopes: a scope that leads back to its
 *   own type (`Patient.rs?link:Patient.gender=female`) would ask for itself without end
 */
export function scopeTests(
  unit: UnitOfWork,
  type: string,
  act: Act,
  testsOf: (terms: readonly Term[], unit: UnitOfWork) => readonly string[],
): string[] {
  const { actor } = unit;
  if (!actor.scopes) return [];
  const scopes = scopesFor(actor, act, type);
  if (scopes.some((each) => !each.query)) return [];
  const whole: UnitOfWork = Object.create(unit, {
    actor: { value: { ...actor, scopes: undefined }, enumerable: true },
  });
  const tests = scopes.map(({ query }) => {
    const asked = new URLSearchParams(query);
    const all = testsOf(parseSearch(fhirOf(unit).definitions, [type], asked, false).terms, whole);
    return all.length === 0 ? 'true' : `(${all.join(' and ')})`;
  });
  return [`(${tests.join(' or ')})`];
}

/** True when something narrows what the actor sees of a type, or of any that it may read. */
export function isLimited(unit: UnitOfWork, type?: string): boolean {
  if (type !== undefined && isOwned(type) && !isOpen(unit)) return true;
  return limitsOf(unit.actor).length > 0 || !!unit.actor.scopes?.some((each) => each.query);
}

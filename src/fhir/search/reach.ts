/**
 * The one place through which every read and search passes before its SQL is run, so that an
 * actor's reach (areas and schemes) and the conditions of its scopes narrow it inside the database,
 * where counts and pages are right.
 *
 * A type's own rules come from the rooms (`reachRule`). A stored type without a rule for areas or
 * schemes follows the people it is about: the references that lead it into the Patient compartment,
 * to Patients or Groups. What is about nobody (places, definitions) is open to whoever may read it.
 * A projected type without any rule is seen only by who is not limited.
 */

import type { UnitOfWork } from '../../app.ts';
import {
  type Actor,
  type ProjectedBinding,
  problem,
  type ReachKind,
  type ReachRule,
  reachRule,
} from '../../sdk/index.ts';
import { type Act, authorize, scopesFor } from '../authorize.ts';
import { fhirOf } from '../types.ts';
import { conditionOf } from './conditions.ts';
import { parseSearch } from './parse.ts';
import { type Condition, Values } from './parts.ts';
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

/**
 * Conditions that the actor's reach and scopes add to a search of stored resources (alias `r`) of a
 * type.
 *
 * @throws Problem forbidden when the type may not be read at all
 */
export function reachConditions(
  unit: UnitOfWork,
  type: string,
  values: Values,
  act: Act = 'search',
): readonly string[] {
  authorize(unit, act, type);
  const tests = [...limitTests(unit, [type], values), ...scopeTests(unit, type, values, act)];
  if (type !== 'Binary' || isOpen(unit)) return tests;
  return [...tests, ...contextTests(unit, values, (types) => limitGroups(unit, types, values))];
}

/** True for whoever may read everything, so that no security context closes a Binary. */
function isOpen(unit: UnitOfWork): boolean {
  return readsEverything(unit) && limitsOf(unit.actor).length === 0;
}

/** The same for the rows (alias `v`) of a projected binding. */
export function projectedReach(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  values: Values,
  act: Act = 'search',
): readonly string[] {
  authorize(unit, act, binding.type);
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

/** The limits of a type, or of several that have no rules of their own. */
function limitTests(unit: UnitOfWork, types: readonly string[], values: Values): string[] {
  return limitsOf(unit.actor).flatMap(({ kind, rids }) => {
    const reach = values.add(rids, 'bigint[]');
    const own = types.length === 1 ? rulesOf(unit, kind, types[0]!) : [];
    return own.length > 0 ? joined(own, 'r', reach) : peopleTest(unit, kind, types, reach, values);
  });
}

/** The limits of many types, so that a query has one condition for all that follow people. */
function limitGroups(unit: UnitOfWork, types: readonly string[], values: Values): LimitGroup[] {
  const people = fhirOf(unit).definitions.compartment('Patient')?.parameters;
  const kinds = limitsOf(unit.actor).map((each) => each.kind);
  const groups = Map.groupBy(types, (type) => {
    if (kinds.some((kind) => rulesOf(unit, kind, type).length > 0)) return type;
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

/** A resource is in reach when one of the people that it is about is. */
function peopleTest(
  unit: UnitOfWork,
  kind: ReachKind,
  types: readonly string[],
  reach: string,
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
    const rules = rulesOf(unit, kind, target);
    if (rules.length === 0) return [];
    return [
      `(x.type = ${definitions.typeNumber(target)} and t.type = ${definitions.typeNumber(target)}
        and ${joined(rules, 't', reach)[0]})`,
    ];
  });
  if (people.length === 0) return ['false'];
  return [
    `exists (select from ref x join resource t on t.id = x.target
       where x.rid = r.rid and x.param = any(${values.add(keys, 'int[]')})
         and (${people.join(' or ')}))`,
  ];
}

/** Scopes with conditions (`system/Coverage.rs?status=active`): one of them must hold. */
function scopeTests(unit: UnitOfWork, type: string, values: Values, act: Act): string[] {
  const { actor } = unit;
  if (!actor.scopes) return [];
  const scopes = scopesFor(actor, act, type);
  if (scopes.some((each) => !each.query)) return [];
  const tests = scopes.map((each) => {
    const terms = parseSearch(
      fhirOf(unit).definitions,
      [type],
      new URLSearchParams(each.query),
      false,
    ).terms;
    const all = terms.map((term): Condition => conditionOf(unit, type, term, values));
    return all.length === 0 ? 'true' : `(${all.map((one) => one.test).join(' and ')})`;
  });
  return [`(${tests.join(' or ')})`];
}

/** True when something narrows what the actor sees of a type, or of any that it may read. */
export function isLimited(unit: UnitOfWork, type?: string): boolean {
  if (type === 'Binary' && !isOpen(unit)) return true;
  return limitsOf(unit.actor).length > 0 || !!unit.actor.scopes?.some((each) => each.query);
}

/**
 * Of stored resources of a type, those that the actor may see. Asks the database only for an actor
 * who is limited.
 */
export async function inReach(
  unit: UnitOfWork,
  type: string,
  rids: readonly bigint[],
  act: Act = 'read',
): Promise<ReadonlySet<bigint>> {
  if (rids.length === 0 || !isLimited(unit, type)) return new Set(rids);
  const values = new Values();
  const tests = reachConditions(unit, type, values, act);
  if (tests.length === 0) return new Set(rids);
  const { text, list } = values.bind(
    `select r.rid from resource r where r.rid = any(${values.add(rids, 'bigint[]')})
     and ${tests.join(' and ')}`,
  );
  const rows = await unit.db.query<{ rid: bigint }>(text, list);
  return new Set(rows.map((row) => row.rid));
}

/**
 * Refuses writes beyond the actor's reach: what stands after them must be in reach, or the actor
 * could place people where nobody asked, and lose sight of them.
 *
 * @throws Problem forbidden, naming the resource and the remedy
 */
export async function checkWritten(
  unit: UnitOfWork,
  written: readonly {
    readonly action: string;
    readonly type: string;
    readonly id: string;
    readonly rid: bigint;
  }[],
): Promise<void> {
  if (!isLimited(unit)) return;
  const standing = written.filter((each) => each.action !== 'delete');
  for (const [type, group] of Map.groupBy(standing, (each) => each.type)) {
    const seen = await inReach(
      unit,
      type,
      group.map((each) => each.rid),
      'write',
    );
    const beyond = group.find((each) => !seen.has(each.rid));
    if (beyond) throw beyondReach(type, beyond.id);
  }
}

function beyondReach(type: string, id: string) {
  return problem(
    'forbidden',
    'beyond-reach',
    `${type}/${id} would not be in the areas and schemes that you are limited to; people are ` +
      'registered together with their household, in one transaction.',
  );
}

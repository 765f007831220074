/**
 * Required bindings: a coded element must take its code from a value set.
 *
 * Codes that we cannot judge (a system that is not carried) pass. Required bindings are errors, and
 * what leaves the most that a looser one allows; else the looser ones are advice, not looked at.
 *
 * Spec: https://hl7.org/fhir/R4/terminologies.html#required
 */

import type { Rule, ValueCheck } from './checks.ts';
import { nearest } from './checks.ts';
import type { ExpandedValueSet } from './definitions.ts';
import { isObject, type Json, type Run, shown } from './run.ts';
import type { ElementNode } from './schema.ts';
import type { Terminology } from './terminology.ts';

const CODED = ['code', 'string', 'uri', 'Coding', 'CodeableConcept', 'Quantity'];

/** The check of an element's required binding for one of its types; undefined when it has none. */
export function bindingCheck(
  node: Pick<ElementNode, 'binding'>,
  type: string,
  terminology: Terminology,
): ValueCheck | undefined {
  const url = strictSet(node.binding);
  if (url === undefined || !CODED.includes(type)) return undefined;
  let known: ExpandedValueSet | undefined | null = null;
  const set = () => {
    if (known === null) known = terminology.valueSet(url);
    return known;
  };
  if (type === 'CodeableConcept') return conceptCheck(set);
  if (type === 'Coding') return codingCheck(set);
  if (type === 'Quantity') return unitCheck(set);
  return codeCheck(set);
}

/** The value set that codes must come from: of a required binding, or the most that one allows. */
export function strictSet(binding: ElementNode['binding']): string | undefined {
  return binding?.strength === 'required' ? binding.valueSet : binding?.most;
}

/**
 * Codings: a code of a system that we carry whole, and that nobody else extends, must be in it.
 */
export function codingRule(terminology: Terminology): Rule {
  return {
    key: 'unknown-code',
    human: '',
    holds: ({ system, code }, run) => {
      if (typeof system !== 'string' || typeof code !== 'string') return true;
      const codes = terminology.settled(system);
      if (!codes || codes.has(code)) return true;
      const near = nearest(code, [...codes.keys()]);
      run.error(
        'code-invalid',
        'unknown-code',
        `The code system ${system} has no code ${shown(code)}${near ? `; did you mean "${near}"?` : listed(new Set(codes.keys()))}`,
        'code',
      );
      return true;
    },
  };
}

type FindSet = () => ExpandedValueSet | undefined;

function codeCheck(find: FindSet): ValueCheck {
  let codes: ReadonlySet<string> | undefined;
  return (value, run) => {
    // What is no text has been told as such.
    if (typeof value !== 'string') return;
    if (codes === undefined) codes = plainCodes(find());
    if (codes.has(value)) return;
    const set = find();
    if (set?.contains(value) !== 'out') return;
    const near = nearest(value, [...codes]);
    run.error(
      'code-invalid',
      'code-not-in-value-set',
      `The code ${shown(value)} is not in ${set.url}${near ? `; did you mean "${near}"?` : listed(codes)}`,
    );
  };
}

function plainCodes(set: ExpandedValueSet | undefined): ReadonlySet<string> {
  const codes = new Set<string>();
  for (const each of set?.codes.values() ?? []) for (const code of each.keys()) codes.add(code);
  return codes;
}

function listed(codes: ReadonlySet<string>): string {
  return codes.size > 0 && codes.size <= 12 ? `. Take one of: ${[...codes].join(', ')}.` : '.';
}

/** Whether a coding belongs; undefined when it cannot be told. */
function belongs(set: ExpandedValueSet, coding: Json): boolean | undefined {
  const { code, system } = coding;
  if (typeof code !== 'string') return false;
  const verdict = set.contains(code, typeof system === 'string' ? system : undefined);
  if (typeof system !== 'string' && verdict === 'in') return false;
  return verdict === 'unknown' ? undefined : verdict === 'in';
}

function codingCheck(find: FindSet): ValueCheck {
  return (value, run) => {
    const set = find();
    if (!set || !isObject(value) || isOnlyExtended(value)) return;
    if (belongs(set, value) === false) notInSet(set, [value], run);
  };
}

function conceptCheck(find: FindSet): ValueCheck {
  return (value, run) => {
    const set = find();
    if (!set || !isObject(value)) return;
    const codings = Array.isArray(value.coding) ? value.coding.filter(isObject) : [];
    if (codings.length === 0 && isOnlyExtended(value)) return;
    if (codings.some((coding) => belongs(set, coding) !== false)) return;
    notInSet(set, codings, run);
  };
}

function unitCheck(find: FindSet): ValueCheck {
  return (value, run) => {
    const set = find();
    if (!set || !isObject(value) || value.code === undefined) return;
    if (belongs(set, value) === false) notInSet(set, [value], run);
  };
}

function isOnlyExtended(value: Json): boolean {
  return value.code === undefined && value.text === undefined && value.extension !== undefined;
}

function notInSet(set: ExpandedValueSet, codings: readonly Json[], run: Run): void {
  const given = codings.map(({ system, code }) =>
    shown(typeof system === 'string' ? `${system}|${code ?? ''}` : (code ?? 'no code')),
  );
  const first = set.codes.entries().next().value;
  const example = first ? `, for example ${first[0]}|${first[1].keys().next().value}` : '';
  run.error(
    'code-invalid',
    'code-not-in-value-set',
    given.length === 0
      ? `A code of ${set.url} is required here${example}.`
      : `${given.join(', ')} is not in ${set.url}. Give system and code of a member${example}.`,
  );
}

/**
 * Socio-economic facts of a household: Group.characteristic as number, code or yes/no by code.
 *
 * What is missing stays missing: a rule that asks for it answers "undetermined", never zero.
 *
 * Spec: https://hl7.org/fhir/R4/group-definitions.html#Group.characteristic
 */

import type { Group, GroupCharacteristic } from '@medplum/fhirtypes';
import { codeSystem, dayRange, type Issue } from '../../src/sdk/index.ts';

/** One fact; exactly one of the values is set. */
export interface Characteristic {
  readonly code: string;
  /** Decimal text, exact as written. */
  readonly number: string | null;
  readonly value: string | null;
  readonly boolean: boolean | null;
}

const OURS = codeSystem('household-characteristic');

/** Facts in force on `today`, each code once; adds an issue where two contradict each other. */
export function readCharacteristics(
  group: Group,
  today: string,
  issues: Issue[],
): Characteristic[] {
  const facts = new Map<string, { fact: Characteristic; since: string }>();
  (group.characteristic ?? []).forEach((each, index) => {
    const fact = readFact(each);
    const { start, end } = each.period ?? {};
    const coming = start !== undefined && dayRange(start).first > today;
    const over = end !== undefined && dayRange(end).last < today;
    if (!fact || coming || over) return;
    const since = start ?? '';
    const other = facts.get(fact.code);
    if (!other || since > other.since) facts.set(fact.code, { fact, since });
    else if (since === other.since && !same(fact, other.fact)) {
      issues.push({
        severity: 'error',
        kind: 'invariant',
        code: 'characteristic-twice',
        expression: `Group.characteristic[${index}]`,
        diagnostics: `"${fact.code}" has two values at once; give each a period, or leave one.`,
      });
    }
  });
  return [...facts.values()].map(({ fact }) => fact);
}

/** A value with the days of which the Group says that it holds; null: open. */
export interface DatedFact extends Characteristic {
  readonly startsOn: string | null;
  /** The last day. */
  readonly endsOn: string | null;
}

/** All values of the codes of which the Group states a period for any. */
export function readDatedFacts(group: Group): DatedFact[] {
  const all = (group.characteristic ?? []).flatMap((each): DatedFact[] => {
    const fact = readFact(each);
    const { start, end } = each.period ?? {};
    return fact
      ? [
          {
            ...fact,
            startsOn: start ? dayRange(start).first : null,
            endsOn: end ? dayRange(end).last : null,
          },
        ]
      : [];
  });
  const dated = new Set(all.filter((each) => each.startsOn ?? each.endsOn).map(({ code }) => code));
  return all.filter((each) => dated.has(each.code));
}

function readFact(each: GroupCharacteristic): Characteristic | undefined {
  const codings = each.code.coding ?? [];
  const code = (codings.find((coding) => coding.system === OURS) ?? codings[0])?.code;
  if (!code) return undefined;
  const empty = { code, number: null, value: null, boolean: null };
  if (each.valueBoolean !== undefined) {
    return { ...empty, boolean: each.exclude ? !each.valueBoolean : each.valueBoolean };
  }
  // "Excluded" makes sense of yes and no only; another value that is excluded says nothing.
  if (each.exclude) return undefined;
  const quantity = each.valueQuantity?.value;
  if (quantity !== undefined) return { ...empty, number: String(quantity) };
  const value = each.valueCodeableConcept?.coding?.[0]?.code ?? each.valueCodeableConcept?.text;
  return value === undefined ? undefined : { ...empty, value };
}

function same(a: Characteristic, b: Characteristic): boolean {
  return a.number === b.number && a.value === b.value && a.boolean === b.boolean;
}

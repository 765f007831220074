/**
 * What stands in the record that remains when two records of one person are merged, field by field,
 * and why: what is missing is filled up, lists are united (identifiers, names and addresses of the
 * replaced record are old ones), the more exact of two dates goes before, what is known before what is
 * not. Birth date, sex and death in conflict are asked, never guessed.
 *
 * Spec: https://hl7.org/fhir/R5/operation-patient-merge.html; Patient.link
 * https://hl7.org/fhir/R4/patient.html#links
 */

import type { Patient, PatientLink } from '@medplum/fhirtypes';
import { type Body, same } from './patch.ts';

/** Where the value of a field comes from. */
export interface Choice {
  readonly field: string;
  readonly from: 'target' | 'source' | 'both';
  readonly why: string;
}

/** A field on which the two records say different things of a person. */
export interface Conflict {
  readonly field: string;
  readonly source: unknown;
  readonly target: unknown;
}

export interface Survivor {
  readonly patient: Patient;
  readonly choices: readonly Choice[];
  readonly conflicts: readonly Conflict[];
}

/** How a list is united: when two elements are the same, and how one of the source is taken over. */
interface Union {
  readonly key: (element: Body) => unknown;
  readonly take?: (element: Body) => Body;
}

const old = (element: Body): Body => ({ use: 'old', ...without(element, 'use') });
const whole = (element: Body): unknown => element;

const LISTS: Readonly<Record<string, Union>> = {
  identifier: { key: ({ system, value }) => [system, value], take: asOld },
  name: { key: ({ family, given, text }) => [family, given, text], take: old },
  telecom: { key: ({ system, value }) => [system, value] },
  address: { key: (each) => without(each, 'use', 'period'), take: old },
  communication: { key: ({ language }) => language },
  contact: { key: whole },
  generalPractitioner: { key: ({ reference }) => reference },
  photo: { key: whole },
};

/** The period and the type of an identifier stay; only its use says that it is another's now. */
function asOld(element: Body): Body {
  return 'use' in element ? { ...element, use: 'old' } : { use: 'old', ...element };
}

function without(element: Body, ...keys: string[]): Body {
  return Object.fromEntries(Object.entries(element).filter(([key]) => !keys.includes(key)));
}

/** Fields of one value; of these, a difference between two known values is asked. */
const ASKED = ['gender', 'birthDate', 'deceased'];
const SINGLE = [...ASKED, 'maritalStatus', 'multipleBirth', 'managingOrganization'];

/** Chooses for `target`, which remains, from `source`, which is replaced. */
export function survivorOf(target: Patient, source: Patient): Survivor {
  const body: Record<string, unknown> = { ...target };
  const choices: Choice[] = [];
  const conflicts: Conflict[] = [];
  for (const [field, union] of Object.entries(LISTS))
    uniteList(body, source, field, union, choices);
  for (const field of SINGLE) chooseSingle(body, source, field, choices, conflicts);
  uniteExtensions(body, source, choices);
  const patient = { ...body, link: linksOf(target, source.id!) } as unknown as Patient;
  return { patient, choices, conflicts };
}

function uniteList(
  body: Record<string, unknown>,
  source: Patient,
  field: string,
  { key, take = (element) => element }: Union,
  choices: Choice[],
): void {
  const own = listOf(body[field]);
  const seen = new Set(own.map((each) => JSON.stringify(key(each))));
  const added = listOf((source as unknown as Body)[field]).filter((each) => {
    const text = JSON.stringify(key(each));
    return !seen.has(text) && seen.add(text);
  });
  if (added.length === 0) return;
  // A name is not old where the record that remains has none.
  const taken = own.length === 0 && field !== 'identifier' ? added : added.map(take);
  body[field] = [...own, ...taken];
  const why = own.length === 0 ? 'only the replaced record has it' : 'both are kept';
  choices.push({ field, from: own.length === 0 ? 'source' : 'both', why });
}

function listOf(value: unknown): readonly Body[] {
  return Array.isArray(value) ? value : [];
}

/** The elements of a field that may have several types, or hold extensions of a primitive. */
function keysOf(body: Body, field: string): string[] {
  const name = new RegExp(`^_?${field}([A-Z]\\w*)?$`);
  return Object.keys(body).filter((key) => name.test(key));
}

function chooseSingle(
  body: Record<string, unknown>,
  source: Patient,
  field: string,
  choices: Choice[],
  conflicts: Conflict[],
): void {
  const other = source as unknown as Body;
  const [mine, its] = [singleOf(body, field), singleOf(other, field)];
  if (its === undefined || same(mine, its)) return;
  const why = better(field, mine, its);
  if (why !== undefined) {
    for (const key of keysOf(body, field)) delete body[key];
    for (const key of keysOf(other, field)) body[key] = other[key];
    choices.push({ field, from: 'source', why });
  } else if (ASKED.includes(field) && better(field, its, mine) === undefined) {
    conflicts.push({ field, source: its, target: mine });
  } else choices.push({ field, from: 'target', why: better(field, its, mine) ?? 'it remains' });
}

function singleOf(body: Body, field: string): unknown {
  const key = keysOf(body, field).find((each) => !each.startsWith('_'));
  return key === undefined ? undefined : body[key];
}

/** Why the second value goes before the first; undefined when it does not. */
function better(field: string, one: unknown, other: unknown): string | undefined {
  if (one === undefined) return 'only one of the records has it';
  if (field === 'gender' && (one === 'unknown' || one === 'other') && other !== 'unknown') {
    return one === 'unknown' ? 'known before unknown' : undefined;
  }
  if (field === 'deceased') {
    // Who has died has died: a date says more than yes, and yes more than no.
    if (one === false) return 'a death that was told';
    return one === true && typeof other === 'string' ? 'the day of the death' : undefined;
  }
  if (field !== 'birthDate' || typeof one !== 'string' || typeof other !== 'string')
    return undefined;
  return other.length > one.length && other.startsWith(one) ? 'the more exact date' : undefined;
}

/** Extensions of the source whose url the target has not. */
function uniteExtensions(body: Record<string, unknown>, source: Patient, choices: Choice[]): void {
  const own = listOf(body.extension);
  const urls = new Set(own.map(({ url }) => url));
  const added = (source.extension ?? []).filter(({ url }) => !urls.has(url));
  if (added.length === 0) return;
  body.extension = [...own, ...added];
  const from = own.length === 0 ? 'source' : 'both';
  choices.push({ field: 'extension', from, why: 'what the remaining record lacks' });
}

/** The links of the record that remains, with the one to what it replaces. */
function linksOf(target: Patient, sourceId: string): PatientLink[] {
  const reference = `Patient/${sourceId}`;
  const others = (target.link ?? []).filter((each) => each.other.reference !== reference);
  return [...others, { other: { reference }, type: 'replaces' }];
}

/** The record that was replaced: never active, leading to what stands for it. */
export function replacedBy(source: Patient, targetId: string): Patient {
  const reference = `Patient/${targetId}`;
  const others = (source.link ?? []).filter((each) => each.other.reference !== reference);
  return {
    ...source,
    active: false,
    link: [...others, { other: { reference }, type: 'replaced-by' }],
  };
}

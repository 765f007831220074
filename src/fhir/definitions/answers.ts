/**
 * What a single answer to a question of a form must be: the type, one of the options, within the
 * limits that extensions of the Questionnaire state.
 *
 * Spec: https://hl7.org/fhir/R4/questionnaire.html, https://hl7.org/fhir/R4/questionnaire-profiles.html
 */

import type { Extension, Questionnaire, QuestionnaireItem, ValueSet } from '@medplum/fhirtypes';
import { isNumber } from '../formats/json.ts';
import { referencedType } from './references.ts';
import { matchesWhole } from './regex.ts';
import { isObject, type Json, type Run, shown } from './run.ts';
import type { Terminology } from './terminology.ts';
import { comparison, equal, TYPE_SUFFIXES } from './values.ts';

const HL7 = 'http://hl7.org/fhir/StructureDefinition/';
const SDC = 'http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-';

/** Types of answers by the type of the question. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  boolean: ['Boolean'],
  decimal: ['Decimal'],
  integer: ['Integer'],
  date: ['Date'],
  dateTime: ['DateTime'],
  time: ['Time'],
  string: ['String'],
  text: ['String'],
  url: ['Uri'],
  choice: ['Coding'],
  'open-choice': ['Coding', 'String'],
  attachment: ['Attachment'],
  reference: ['Reference'],
  quantity: ['Quantity'],
};

/** Questions whose type is not that of a list may have options of these types as well. */
const OPTION_TYPES = new Set(['Integer', 'Date', 'Time', 'String', 'Reference']);

/** Longer texts are not matched against a form's expressions. */
const REGEX_TEXT_MAX = 2_000;

/** The value of an answer (`valueX`), a condition (`answerX`) or an option, with its type. */
export function answerValue(
  owner: Json,
  prefix: 'value' | 'answer',
): { readonly type: string; readonly value: unknown } | undefined {
  for (const key in owner) {
    const type = key.slice(prefix.length);
    if (key.startsWith(prefix) && TYPE_SUFFIXES.has(type)) return { type, value: owner[key] };
  }
  return undefined;
}

/** The extensions of an item by url. */
export function extensionsOf({ extension }: QuestionnaireItem, url: string): Extension[] {
  return (extension ?? []).filter((each) => each.url === url);
}

/** Checks answers; the run stands at the answer. */
export class AnswerChecks {
  readonly #form: Questionnaire;
  readonly #terminology: Terminology;
  readonly #run: Run;

  constructor(form: Questionnaire, terminology: Terminology, run: Run) {
    this.#form = form;
    this.#terminology = terminology;
    this.#run = run;
  }

  check(item: QuestionnaireItem, answer: Json): void {
    const found = answerValue(answer, 'value');
    if (!found) return; // an extension says why there is none
    const wanted = TYPES[item.type ?? ''] ?? [];
    const byOption = item.answerOption?.length && OPTION_TYPES.has(found.type);
    if (!wanted.includes(found.type) && !(item.type === 'choice' && byOption)) {
      this.#wrong(
        'answer-type',
        `The question asks for ${wanted.join(' or ')}, but this is ${found.type}.`,
      );
      return;
    }
    this.#options(item, found.type, found.value);
    this.#limits(item, found.value);
    if (typeof found.value === 'string') this.#text(item, found.value);
    if (isObject(found.value)) this.#object(item, found.type, found.value);
  }

  #wrong(code: string, says: string): void {
    this.#run.report('error', 'value', code, says, 'value');
  }

  #options(item: QuestionnaireItem, type: string, value: unknown): void {
    if (item.type === 'open-choice' && type === 'String') return;
    const options = item.answerOption ?? [];
    if (options.length > 0) {
      const fits = options.some((option) =>
        sameChoice(answerValue(option as Json, 'value')?.value, value),
      );
      if (!fits) this.#wrong('not-an-option', `${told(value)} is none of the form's options.`);
    } else if (item.answerValueSet && isObject(value)) {
      this.#inSet(item.answerValueSet, value);
    }
  }

  #inSet(canonical: string, coding: Json): void {
    const set = canonical.startsWith('#')
      ? this.#terminology.expansionOf(containedSet(this.#form, canonical.slice(1)))
      : this.#terminology.valueSet(canonical);
    if (!set || typeof coding.code !== 'string') return;
    const system = typeof coding.system === 'string' ? coding.system : undefined;
    if (set.contains(coding.code, system) !== 'out') return;
    this.#wrong('not-an-option', `${told(coding)} is not in ${canonical}, which the form names.`);
  }

  #limits(item: QuestionnaireItem, value: unknown): void {
    const bounds = [
      ...extensionsOf(item, `${HL7}minValue`).map((each) => ['least', each] as const),
      ...extensionsOf(item, `${SDC}minQuantity`).map((each) => ['least', each] as const),
      ...extensionsOf(item, `${HL7}maxValue`).map((each) => ['greatest', each] as const),
      ...extensionsOf(item, `${SDC}maxQuantity`).map((each) => ['greatest', each] as const),
    ];
    for (const [end, extension] of bounds) {
      const limit = answerValue(extension as unknown as Json, 'value')?.value;
      const order = orderOf(value, limit);
      if (order === undefined) {
        if (isObject(value) && isObject(limit)) this.#incomparable(value, limit);
      } else if (end === 'least' ? order < 0 : order > 0) {
        const most = end === 'least' ? 'at least' : 'at most';
        this.#wrong('out-of-range', `This is ${told(value)}, but must be ${most} ${told(limit)}.`);
      }
    }
  }

  #incomparable(value: Json, limit: Json): void {
    this.#wrong(
      'unit-not-comparable',
      `${told(value)} cannot be compared with ${told(limit)}. Give system and code of the unit.`,
    );
  }

  #text(item: QuestionnaireItem, value: string): void {
    if (item.maxLength !== undefined && value.length > item.maxLength) {
      this.#wrong('too-long', `The text may have at most ${item.maxLength} characters.`);
    }
    const source = extensionsOf(item, `${HL7}regex`)[0]?.valueString;
    if (source === undefined || value.length > REGEX_TEXT_MAX) return;
    if (matchesWhole(source, value) !== false) return;
    const format = extensionsOf(item, `${HL7}entryFormat`)[0]?.valueString ?? source;
    this.#wrong(
      'not-as-formatted',
      `This is ${shown(value)}, but must look like ${shown(format)}.`,
    );
  }

  #object(item: QuestionnaireItem, type: string, value: Json): void {
    if (type === 'Reference') this.#reference(item, value);
    if (type === 'Attachment') this.#attachment(item, value);
    const units = extensionsOf(item, `${HL7}questionnaire-unitOption`);
    if (type !== 'Quantity' || units.length === 0) return;
    const fits = units.some(
      ({ valueCoding: unit }) => unit?.code === value.code && unit?.system === value.system,
    );
    if (fits) return;
    const codes = units.map(({ valueCoding }) => valueCoding?.code).join(', ');
    this.#wrong('unit-not-allowed', `${told(value)} has none of the form's units: ${codes}.`);
  }

  #reference(item: QuestionnaireItem, value: Json): void {
    const types = extensionsOf(item, `${HL7}questionnaire-referenceResource`).map(
      (each) => each.valueCode,
    );
    const type = referencedType(value, this.#run);
    if (types.length === 0 || type === undefined || types.includes(type)) return;
    this.#wrong(
      'wrong-reference-target',
      `This refers to a ${shown(type)}, but the form asks for ${types.join(' or ')}.`,
    );
  }

  #attachment(item: QuestionnaireItem, value: Json): void {
    const kinds = extensionsOf(item, `${HL7}mimeType`).map((each) => each.valueCode);
    if (kinds.length > 0 && !kinds.includes(value.contentType as string)) {
      this.#wrong(
        'wrong-content-type',
        `The content type is ${told(value.contentType ?? 'missing')}, but must be ${kinds.join(' or ')}.`,
      );
    }
  }
}

function containedSet(form: Questionnaire, id: string): ValueSet | undefined {
  return form.contained?.find(
    (each): each is ValueSet => each.resourceType === 'ValueSet' && each.id === id,
  );
}

function sameChoice(option: unknown, value: unknown): boolean {
  if (!isObject(option) || !isObject(value)) return equal(option, value);
  if (typeof option.reference === 'string') return option.reference === value.reference;
  return option.code === value.code && (option.system ?? '') === (value.system ?? '');
}

/** Lengths and masses by their base unit: forms mix km with m, kg with g. */
const UNITS: Readonly<Record<string, readonly [base: string, factor: number]>> = {
  km: ['m', 1000],
  m: ['m', 1],
  cm: ['m', 0.01],
  mm: ['m', 0.001],
  kg: ['g', 1000],
  g: ['g', 1],
  mg: ['g', 0.001],
  L: ['L', 1],
  mL: ['L', 0.001],
  h: ['s', 3600],
  min: ['s', 60],
  s: ['s', 1],
};

const UCUM = 'http://unitsofmeasure.org';

/** Order of two values; undefined when it cannot be told, as for units that differ in kind. */
function orderOf(value: unknown, limit: unknown): number | undefined {
  if (!isObject(value) || !isObject(limit)) {
    const kind = (each: unknown) => (isNumber(each) ? 'number' : typeof each);
    return kind(value) === kind(limit) ? comparison(value, limit) : undefined;
  }
  if (value.system === undefined || value.code === undefined) return undefined;
  if (value.system === limit.system && value.code === limit.code) {
    return comparison(value.value, limit.value);
  }
  const [from, to] = [UNITS[String(value.code)], UNITS[String(limit.code)]];
  if (value.system !== UCUM || limit.system !== UCUM || !from || from[0] !== to?.[0])
    return undefined;
  return Number(value.value) * from[1] - Number(limit.value) * to[1];
}

function told(value: unknown): string {
  if (!isObject(value)) return shown(value);
  if (value.value !== undefined) return shown(`${value.value} ${value.unit ?? value.code ?? ''}`);
  return shown(value.system === undefined ? value.code : `${value.system}|${value.code}`);
}

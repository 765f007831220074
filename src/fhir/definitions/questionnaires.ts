/**
 * A QuestionnaireResponse against its Questionnaire: are the items those of the form, nested as
 * there, in its order, as often as it wants, and only where it enables them.
 *
 * What a single answer must be is in `answers.ts`. What is required is asked of answers that are
 * said to be complete; one in progress may lack anything, but must be right in what it has. A
 * Questionnaire that we do not have is no fault: the answers are kept as they are.
 *
 * Spec: https://hl7.org/fhir/R4/questionnaireresponse.html#notes
 */

import type { Questionnaire, QuestionnaireItem } from '@medplum/fhirtypes';
import { AnswerChecks, answerValue, extensionsOf } from './answers.ts';
import { isObject, type Json, type Run, shown } from './run.ts';
import type { Terminology } from './terminology.ts';
import { comparison, equal } from './values.ts';

const MIN_OCCURS = 'http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs';
const MAX_OCCURS = 'http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs';

type Item = QuestionnaireItem;

/** Compiled forms and the check of answers to them. */
export class QuestionnaireChecks {
  readonly #find: (canonical: string) => Questionnaire | undefined;
  readonly #terminology: Terminology;

  constructor(find: (canonical: string) => Questionnaire | undefined, terminology: Terminology) {
    this.#find = find;
    this.#terminology = terminology;
  }

  /** Reports where a response is not what its form asks; the run stands at the response. */
  check(response: Json, run: Run): void {
    const { questionnaire: canonical } = response;
    if (typeof canonical !== 'string') return;
    const form = canonical.startsWith('#')
      ? containedForm(response, canonical.slice(1))
      : this.#find(canonical);
    if (form) new FormRun(form, response, run, this.#terminology).whole();
  }
}

function containedForm(response: Json, id: string): Questionnaire | undefined {
  const contained = Array.isArray(response.contained) ? response.contained : [];
  return contained.find(
    (each) => isObject(each) && each.resourceType === 'Questionnaire' && each.id === id,
  ) as Questionnaire | undefined;
}

/** One response held against one form. */
class FormRun {
  readonly #form: Questionnaire;
  readonly #response: Json;
  readonly #run: Run;
  readonly #answers: AnswerChecks;
  /** All answers by linkId, for conditions. */
  readonly #given = new Map<string, unknown[]>();
  readonly #complete: boolean;

  constructor(form: Questionnaire, response: Json, run: Run, terminology: Terminology) {
    this.#form = form;
    this.#response = response;
    this.#run = run;
    this.#answers = new AnswerChecks(form, terminology, run);
    this.#complete = response.status === 'completed' || response.status === 'amended';
    gather(response, this.#given);
  }

  whole(): void {
    this.#level(this.#form.item ?? [], objects(this.#response.item));
  }

  /** The items of one level of the form against those of the response, beneath the run's place. */
  #level(asked: readonly Item[], given: readonly Json[]): void {
    const places = new Map(asked.map((item, place) => [item.linkId, place] as const));
    const found = asked.map((): number[] => []);
    let last = 0;
    for (const [index, item] of given.entries()) {
      const place = places.get(item.linkId as string);
      if (place === undefined) this.#at(index, () => this.#unknown(item));
      else {
        if (place < last) this.#at(index, () => this.#outOfOrder(item));
        last = Math.max(last, place);
        found[place]!.push(index);
      }
    }
    asked.forEach((item, place) => {
      this.#item(item, found[place]!, given);
    });
  }

  #at(index: number, work: () => void): void {
    this.#run.push('item');
    this.#run.indexes[this.#run.depth - 1] = index;
    work();
    this.#run.pop();
  }

  #unknown({ linkId }: Json): void {
    this.#run.error(
      'not-found',
      'link-unknown',
      `The form has no item ${shown(linkId)} here. Give the linkId of one of its items.`,
      'linkId',
    );
  }

  #outOfOrder({ linkId }: Json): void {
    this.#run.error(
      'structure',
      'item-order',
      `The item ${shown(linkId)} stands after one that follows it in the form. Keep its order.`,
    );
  }

  /** One item of the form and what was given for it. */
  #item(item: Item, places: readonly number[], given: readonly Json[]): void {
    if (!this.#enabled(item)) {
      for (const index of places)
        if (hasAnswer(given[index]!)) this.#at(index, () => this.#disabled(item));
      return;
    }
    if (item.type === 'group') this.#groups(item, places, given);
    else if (item.type !== 'display') this.#question(item, places, given);
  }

  #disabled(item: Item): void {
    this.#run.error(
      'structure',
      'item-not-enabled',
      `By other answers the form does not ask ${shown(item.linkId)}. Leave it out.`,
    );
  }

  #groups(item: Item, places: readonly number[], given: readonly Json[]): void {
    if (places.length === 0 && item.required && this.#complete) this.#lacking(item);
    if (places.length > 1 && !item.repeats) {
      this.#at(places[1]!, () => this.#tooMany(item, 1, places.length));
    }
    for (const index of places) {
      const group = given[index]!;
      this.#at(index, () => {
        if (group.answer !== undefined) this.#answered(item);
        const inner = objects(group.item);
        if (inner.length === 0 && item.required && this.#complete) this.#lacking(item);
        this.#level(item.item ?? [], inner);
      });
    }
  }

  #answered(item: Item): void {
    this.#run.error(
      'structure',
      'group-answered',
      `${shown(item.linkId)} is a group of questions: give items, no answer.`,
      'answer',
    );
  }

  #question(item: Item, places: readonly number[], given: readonly Json[]): void {
    const answers = places.map((index) => objects(given[index]!.answer));
    const count = answers.reduce((sum, each) => sum + each.length, 0);
    this.#counted(item, count, places);
    places.forEach((index, place) => {
      this.#at(index, () => {
        for (const [at, answer] of answers[place]!.entries()) {
          this.#run.push('answer');
          this.#run.indexes[this.#run.depth - 1] = at;
          this.#answers.check(item, answer);
          this.#level(item.item ?? [], objects(answer.item));
          this.#run.pop();
        }
      });
    });
  }

  #counted(item: Item, count: number, places: readonly number[]): void {
    const least = occurs(item, MIN_OCCURS) ?? (item.required ? 1 : 0);
    const most = occurs(item, MAX_OCCURS) ?? (item.repeats ? Number.POSITIVE_INFINITY : 1);
    const where = places.at(-1);
    const say = (work: () => void) => (where === undefined ? work() : this.#at(where, work));
    if (count < least && this.#complete) say(() => this.#lacking(item, least, count));
    if (count > most) say(() => this.#tooMany(item, most, count));
  }

  #lacking(item: Item, least = 1, count = 0): void {
    const many = least > 1 ? ` at least ${least} times, but it is given ${count} times` : '';
    this.#run.error(
      'required',
      'answer-missing',
      `The form requires an answer to ${shown(item.linkId)}${many}. Add it.`,
    );
  }

  #tooMany(item: Item, most: number, count: number): void {
    this.#run.error(
      'structure',
      'too-many-answers',
      `The form takes ${most} answer(s) to ${shown(item.linkId)}, but ${count} are given.`,
    );
  }

  #enabled({ enableWhen = [], enableBehavior }: Item): boolean {
    if (enableWhen.length === 0) return true;
    const met = enableWhen.map((condition) => conditionMet(condition, this.#given));
    return enableBehavior === 'all' ? met.every(Boolean) : met.some(Boolean);
  }
}

type Condition = NonNullable<Item['enableWhen']>[number];

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  '>': (order) => order > 0,
  '<': (order) => order < 0,
  '>=': (order) => order >= 0,
  '<=': (order) => order <= 0,
};

function conditionMet(
  condition: Condition,
  given: ReadonlyMap<string, readonly unknown[]>,
): boolean {
  const answers = given.get(condition.question ?? '') ?? [];
  const { operator = '=' } = condition;
  if (operator === 'exists') return answers.length > 0 === condition.answerBoolean;
  const wanted = answerValue(condition as unknown as Json, 'answer')?.value;
  const same = (value: unknown) => equal(keyOf(value), keyOf(wanted));
  if (operator === '=') return answers.some(same);
  if (operator === '!=') return answers.some((value) => !same(value));
  return answers.some((value) => {
    const order = comparison(value, wanted);
    return order !== undefined && ORDERS[operator]?.(order) === true;
  });
}

/** Codings are the same by system and code, whatever their display. */
function keyOf(value: unknown): unknown {
  return isObject(value) && 'code' in value && !('value' in value)
    ? [value.system, value.code]
    : value;
}

function occurs(item: Item, url: string): number | undefined {
  return extensionsOf(item, url)[0]?.valueInteger;
}

function objects(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function hasAnswer(item: Json): boolean {
  return objects(item.answer).length > 0 || objects(item.item).some((inner) => hasAnswer(inner));
}

function gather(owner: Json, into: Map<string, unknown[]>): void {
  for (const item of objects(owner.item)) {
    const values = into.get(item.linkId as string) ?? [];
    into.set(item.linkId as string, values);
    for (const answer of objects(item.answer)) {
      const found = answerValue(answer, 'value');
      if (found) values.push(found.value);
      gather(answer, into);
    }
    gather(item, into);
  }
}

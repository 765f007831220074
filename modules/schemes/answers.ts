/**
 * Answers of forms as facts of rules, kept in step with the QuestionnaireResponses that give them.
 *
 * A response counts when it is completed or amended and its subject is a member or a household; every
 * other one is just stored. Of several responses to one form the newest counts whole: what it leaves
 * open is not known, whatever an older one said.
 *
 * Spec: https://hl7.org/fhir/R4/questionnaireresponse.html
 */

import type {
  QuestionnaireResponse,
  QuestionnaireResponseItem,
  QuestionnaireResponseItemAnswer,
} from '@medplum/fhirtypes';
import { type Context, dayRange, localId, type ResourceWrite } from '../../src/sdk/index.ts';
import { type ResponseRow, replaceResponses } from './store/answers.ts';

type Fact = number | boolean | string;

/** Projects responses; forgets those that count no longer. */
export async function projectResponses(
  ctx: Context,
  writes: readonly ResourceWrite<QuestionnaireResponse>[],
): Promise<void> {
  const gone = writes.filter((write) => write.action !== 'create').map((write) => write.rid);
  const today = ctx.now.toISOString().slice(0, 10);
  const read = writes.flatMap((write) => {
    const found = write.resource && readResponse(write.resource, today);
    return found ? [{ ...found, responseId: write.rid }] : [];
  });
  const rids = async (type: 'Patient' | 'Group') => {
    const ids = read.flatMap((each) => (each.type === type ? [each.id] : []));
    return ids.length > 0 ? ctx.fhir.rids(type, [...new Set(ids)]) : new Map<string, bigint>();
  };
  const subjects = { Patient: await rids('Patient'), Group: await rids('Group') };
  const rows = read.flatMap(({ type, id, ...rest }): ResponseRow[] => {
    const subjectId = subjects[type].get(id);
    return subjectId === undefined ? [] : [{ ...rest, subjectId, ofGroup: type === 'Group' }];
  });
  await replaceResponses(ctx, gone, rows);
}

/**
 * What a response says, where it counts.
 *
 * @param today  `YYYY-MM-DD`, of its writing: the day of a response that names none
 */
export function readResponse(response: QuestionnaireResponse, today: string) {
  const counts = response.status === 'completed' || response.status === 'amended';
  const [questionnaire] = (response.questionnaire ?? '').split('|');
  const patient = localId(response.subject?.reference, 'Patient');
  const id = patient ?? localId(response.subject?.reference, 'Group');
  if (!counts || !questionnaire || !id) return undefined;
  const answers = new Map<string, Fact>();
  gather(response.item, answers);
  return {
    type: patient ? ('Patient' as const) : ('Group' as const),
    id,
    questionnaire,
    answeredOn: response.authored ? dayRange(response.authored).first : today,
    answers: JSON.stringify(Object.fromEntries(answers)),
  };
}

/** The first answer of each item, those below others too. */
function gather(
  items: readonly QuestionnaireResponseItem[] | undefined,
  answers: Map<string, Fact>,
): void {
  for (const item of items ?? []) {
    const value = item.answer?.map(factIn).find((each) => each !== undefined);
    if (value !== undefined && !answers.has(item.linkId ?? '')) {
      answers.set(item.linkId ?? '', value);
    }
    gather(item.item, answers);
    for (const answer of item.answer ?? []) gather(answer.item, answers);
  }
}

function factIn(answer: QuestionnaireResponseItemAnswer): Fact | undefined {
  const number = answer.valueDecimal ?? answer.valueInteger ?? answer.valueQuantity?.value;
  const day = answer.valueDate ?? answer.valueDateTime?.slice(0, 10);
  return number ?? answer.valueBoolean ?? answer.valueCoding?.code ?? day ?? answer.valueString;
}

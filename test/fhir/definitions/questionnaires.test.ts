/** Answers are held against their form: what it asks, where, how often and within which limits. */

import type { Questionnaire, QuestionnaireItem } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';

const HL7 = 'http://hl7.org/fhir/StructureDefinition/';

const item: QuestionnaireItem[] = [
  { linkId: 'name', type: 'string', required: true, maxLength: 10 },
  { linkId: 'rooms', type: 'integer', extension: [{ url: `${HL7}minValue`, valueInteger: 1 }] },
  { linkId: 'roof', type: 'choice', answerOption: ['grass', 'iron'].map(option) },
  { linkId: 'farms', type: 'boolean' },
  {
    linkId: 'land',
    type: 'quantity',
    required: true,
    enableWhen: [{ question: 'farms', operator: '=', answerBoolean: true }],
  },
  {
    linkId: 'member',
    type: 'group',
    repeats: true,
    item: [
      { linkId: 'age', type: 'integer', required: true },
      { linkId: 'phone', type: 'string', repeats: true, extension: [regex(String.raw`\+\d+`)] },
    ],
  },
];

function option(code: string) {
  return { valueCoding: { system: 'http://x/roof', code } };
}

function regex(valueString: string) {
  return { url: `${HL7}regex`, valueString };
}

const form: Questionnaire = {
  resourceType: 'Questionnaire',
  url: 'http://x/form',
  version: '2',
  status: 'active',
  item,
};

const definitions = createDefinitions([form]);

interface Given {
  readonly linkId: string;
  readonly answer?: readonly object[];
  readonly item?: readonly Given[];
}

function faults(given: readonly Given[], more: object = {}): string[] {
  const response = {
    resourceType: 'QuestionnaireResponse',
    questionnaire: 'http://x/form',
    status: 'completed',
    item: given,
    ...more,
  };
  return definitions
    .validate(response)
    .map((issue) => `${issue.expression?.replace('QuestionnaireResponse.', '')} ${issue.code}`);
}

const name: Given = { linkId: 'name', answer: [{ valueString: 'Amina' }] };
const answered = (linkId: string, ...answer: object[]): Given => ({ linkId, answer });

describe('answers to a form', () => {
  it('may be what the form asks', () => {
    const member = { linkId: 'member', item: [answered('age', { valueInteger: 4 })] };
    expect(
      faults([
        name,
        answered('rooms', { valueInteger: 2 }),
        answered('roof', option('iron')),
        answered('farms', { valueBoolean: true }),
        answered('land', { valueQuantity: { value: 1.5, unit: 'ha' } }),
        member,
        member,
      ]),
    ).to.eql([]);
  });

  it('name items of the form, nested and ordered as there', () => {
    expect(faults([name, answered('shoes', { valueInteger: 1 })])).to.eql([
      'item[1].linkId link-unknown',
    ]);
    expect(faults([name, answered('age', { valueInteger: 1 })])).to.eql([
      'item[1].linkId link-unknown',
    ]);
    expect(faults([answered('rooms', { valueInteger: 1 }), name])).to.eql(['item[1] item-order']);
  });

  it('are complete when they are said to be', () => {
    expect(faults([answered('rooms', { valueInteger: 1 })])).to.eql([
      'QuestionnaireResponse answer-missing',
    ]);
    expect(faults([{ linkId: 'name' }], { status: 'in-progress' })).to.eql([]);
    expect(faults([name, { linkId: 'member' }])).to.eql(['item[1] answer-missing']);
  });

  it('are given once where they do not repeat', () => {
    const twice = answered('name', { valueString: 'A' }, { valueString: 'B' });
    expect(faults([twice])).to.eql(['item[0] too-many-answers']);
    expect(faults([name, name])).to.eql(['item[1] too-many-answers']);
  });

  it('have the type, options and limits of their question', () => {
    const first = (linkId: string, value: object) => faults([name, answered(linkId, value)]);
    expect(first('rooms', { valueString: '2' })).to.eql(['item[1].answer[0].value answer-type']);
    expect(first('rooms', { valueInteger: 0 })).to.eql(['item[1].answer[0].value out-of-range']);
    expect(first('roof', option('gold'))).to.eql(['item[1].answer[0].value not-an-option']);
    expect(faults([answered('name', { valueString: 'A'.repeat(11) })])).to.eql([
      'item[0].answer[0].value too-long',
    ]);
    const member = (text: string) => ({
      linkId: 'member',
      item: [answered('age', { valueInteger: 1 }), answered('phone', { valueString: text })],
    });
    expect(faults([name, member('+254700000001')])).to.eql([]);
    expect(faults([name, member('0700')])).to.eql([
      'item[1].item[1].answer[0].value not-as-formatted',
    ]);
  });

  it('are not given to questions that other answers turn off', () => {
    const land = answered('land', { valueQuantity: { value: 1 } });
    expect(faults([name, answered('farms', { valueBoolean: false }), land])).to.eql([
      'item[2] item-not-enabled',
    ]);
    expect(faults([name, answered('farms', { valueBoolean: true })])).to.eql([
      'QuestionnaireResponse answer-missing',
    ]);
  });

  it('of groups stand in their items', () => {
    expect(faults([name, answered('member', { valueInteger: 1 })])).to.eql([
      'item[1].answer group-answered',
      'item[1] answer-missing',
    ]);
  });

  it('to a form, or a version, that is not here are kept as they are', () => {
    const odd = [answered('shoes', { valueInteger: 1 })];
    expect(faults(odd, { questionnaire: 'http://x/other' })).to.eql([]);
    expect(faults(odd, { questionnaire: 'http://x/form|1' })).to.eql([]);
    expect(faults(odd, { questionnaire: 'http://x/form|2' })).to.have.length(2);
  });

  it('are matched against hostile expressions in time', () => {
    const hostile: Questionnaire = {
      ...form,
      item: [{ linkId: 'q', type: 'string', extension: [regex('(a+)+b'), regex('x')] }],
    };
    const start = performance.now();
    const issues = createDefinitions([hostile]).validate({
      resourceType: 'QuestionnaireResponse',
      questionnaire: 'http://x/form',
      status: 'completed',
      item: [answered('q', { valueString: 'a'.repeat(60) })],
    });
    expect(issues).to.eql([]);
    expect(performance.now() - start).to.be.lessThan(2_000);
  });
});

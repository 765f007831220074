/**
 * Expressions and patterns that callers write into profiles, forms and search parameters, and that
 * would run for ever: each has an end, and what they cannot tell is left open or refused.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { matches, replaceMatches } from '../../../src/fhir/definitions/regex.ts';
import { type Answer, startTestHouse, type TestHouse } from '../../support/server.ts';

describe('what callers write into definitions', function () {
  this.timeout(60_000);
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const timed = async (work: () => Promise<Answer>): Promise<Answer> => {
    const began = process.cpuUsage();
    const answer = await work();
    const { user } = process.cpuUsage(began);
    expect(user / 1e6, 'seconds of this process').to.be.below(8);
    return answer;
  };

  it('matches patterns that backtrack for a moment only', () => {
    const text = `${'a'.repeat(1500)}!`;
    for (const pattern of [
      '(a+)+$',
      '(a|a)*$',
      'a*a*a*a*a*b',
      '([a-z]+)*\\d',
      '(?:a?){40}a{40}$',
    ]) {
      const began = performance.now();
      matches(pattern, text);
      replaceMatches(pattern, text, '');
      expect(performance.now() - began, pattern).to.be.below(1000);
    }
    expect(matches('^[0-9]{3}$', '123')).to.equal(true);
  });

  const profile = (id: string, expression: string) => ({
    resourceType: 'StructureDefinition',
    id,
    url: `http://example.org/fhir/StructureDefinition/${id}`,
    name: 'Costly',
    status: 'active',
    kind: 'resource',
    abstract: false,
    type: 'Patient',
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient',
    derivation: 'constraint',
    differential: {
      element: [
        {
          id: 'Patient',
          path: 'Patient',
          constraint: [{ key: 'c-1', severity: 'error', human: 'Costly.', expression }],
        },
      ],
    },
  });

  it('ends the rules of stored profiles that would never end', async () => {
    const rules = [
      '%resource.descendants().select(%resource.descendants().select(%resource.descendants())).exists()',
      'telecom.select(%resource).telecom.select(%resource).telecom.select(%resource).exists()',
      'telecom.all(%resource.telecom.all(%resource.telecom.all(%resource.telecom.exists())))',
      "telecom.all(value.matches('^(([0-9])+.)+[A-Z]([0-9])+$').not())",
      "telecom.value.first().replace('0', telecom.value.first()).replace('0', telecom.value.first()).exists()",
      'telecom.select($this.combine($this)).select($this.combine($this)).exists() and @2020 < today() - 1 day',
    ];
    for (const [index, rule] of rules.entries()) {
      const id = `costly-${index}`;
      const put = await house.fetch(`StructureDefinition/${id}`, {
        method: 'PUT',
        body: profile(id, rule),
      });
      expect(put.status, put.text).to.equal(201);
      const body = {
        resourceType: 'Patient',
        meta: { profile: [profile(id, rule).url] },
        telecom: Array.from({ length: 3000 }, (_, at) => ({ system: 'phone', value: `0700${at}` })),
      };
      const answer = await timed(() => house.fetch('Patient', { body }));
      expect(answer.status, `${rule} ${answer.text.slice(0, 300)}`).to.be.oneOf([201, 403, 422]);
    }
    const honest = await house.fetch('Patient', { body: { resourceType: 'Patient' } });
    expect(honest.status).to.equal(201);
  });

  it('refuses search parameters whose work grows faster than what they read', async () => {
    for (const expression of [
      'Patient.telecom.where(%resource.telecom.exists())',
      "Patient.name.family.matches('(a+)+$')",
      "Patient.name.family.replaceMatches('(a|aa)+$', '')",
      'Patient.repeat($this)',
      `Patient.${'name.'.repeat(1000)}family`,
    ]) {
      const answer = await house.fetch('SearchParameter', {
        body: {
          resourceType: 'SearchParameter',
          url: 'http://example.org/fhir/SearchParameter/costly',
          name: 'costly',
          status: 'active',
          description: 'Costly.',
          code: 'costly',
          base: ['Patient'],
          type: 'string',
          expression,
        },
      });
      expect(answer.status, answer.text).to.equal(422);
      expect(answer.json.issue[0].details.coding[0].code).to.equal('search-parameter-refused');
    }
  });
});

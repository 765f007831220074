/**
 * What must hold of households and members, whatever a registry writes and however many write at
 * once.
 */

import type { Patient } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { households } from '../../../modules/households/index.ts';
import { structureDefinition } from '../../../src/sdk/index.ts';
import { extension, household, mobileAccount, patient, provider } from '../support/people.ts';
import { openStage, refusal, type Stage } from '../support/stage.ts';

describe('households', () => {
  let stage: Stage;
  let next = 0;

  /** Fresh ids, so that tests share one database. */
  const fresh = (count: number): string[] =>
    Array.from({ length: count }, () => {
      next += 1;
      return `p-${next}`;
    });

  before(async () => {
    stage = await openStage([households], { PHONE_COUNTRY: 'KE' });
    await stage.put(provider('psp'));
  });
  after(() => stage.close());

  const row = async (id: string) =>
    (
      await stage.rows<Record<string, unknown>>(
        `select h.*, c.fhir_id as collector from household h
         left join member c on c.member_id = h.collector_id where h.fhir_id = $1`,
        [id],
      )
    )[0];

  it('keeps typed facts of a household in the write that registers it', async () => {
    const [a, b] = fresh(2) as [string, string];
    await stage.put(
      patient(a, { birthDate: '1980', gender: 'male' }),
      patient(b, { birthDate: '2020-02-29' }),
      household('h-facts', [`head:${a}`, b], {
        characteristic: [
          {
            code: { coding: [{ code: 'rooms' }] },
            valueQuantity: { value: 2 },
            exclude: false,
          },
        ],
        extension: [mobileAccount('psp', '0712 345 678')],
      }),
    );
    expect(await row('h-facts')).to.include({
      members_count: 2,
      active: true,
      collector: a,
      collector_basis: 'head',
    });
    const members = await stage.rows(
      `select m.sex, m.birth_date, m.birth_date_last from household_member m
       join household h using (household_id) where h.fhir_id = 'h-facts' order by m.position`,
    );
    expect(members).to.deep.equal([
      { sex: 'male', birth_date: '1980-01-01', birth_date_last: '1980-12-31' },
      { sex: 'female', birth_date: '2020-02-29', birth_date_last: '2020-02-29' },
    ]);
    expect(await stage.rows('select account_number, preferred from household_account')).to.eql([
      { account_number: '+254712345678', preferred: true },
    ]);
  });

  it('takes groups of persons that say household, and leaves every other group alone', async () => {
    const [a, b] = fresh(2) as [string, string];
    const code = { coding: [{ system: 'https://registry.example/types', code: 'household' }] };
    await stage.put(
      patient(a, { meta: {} }),
      patient(b, { meta: {} }),
      household('h-plain', [a], { meta: {}, code }),
      household('h-cohort', [b], { meta: {}, code: { coding: [{ code: 'cohort' }] } }),
    );
    expect(await row('h-plain')).to.include({ members_count: 1 });
    expect(await row('h-cohort')).to.equal(undefined);
    const members = await stage.rows('select fhir_id from member where fhir_id = any($1)', [
      [a, b],
    ]);
    expect(members, 'the household makes its Patient a member').to.eql([{ fhir_id: a }]);
  });

  it('refuses two heads, two collectors, a member twice, a collector who has left', async () => {
    const [a, b] = fresh(2) as [string, string];
    await stage.put(patient(a), patient(b));
    const put = (...members: Parameters<typeof household>[1]) =>
      refusal(stage.put(household('h-bad', members)));
    expect(await put(`head:${a}`, `head:${b}`)).to.equal('household-heads Group.member[1]');
    expect(await put(`collector:${a}`, `collector:${b}`)).to.equal(
      'household-collectors Group.member[1]',
    );
    expect(await put(a, a)).to.equal('member-twice Group.member[1].entity');
    const left = {
      entity: { reference: `Patient/${b}` },
      inactive: true,
      extension: [extension('collector', { valueBoolean: true })],
    };
    expect(await put(`head:${a}`, left)).to.equal('collector-not-active Group.member[1]');
    expect(await put({ entity: { reference: 'Device/1' } })).to.equal(
      'member-not-patient Group.member[0].entity',
    );
    expect(await put('nobody')).to.equal('reference-unknown Group.member[0].entity');
    expect(await row('h-bad')).to.equal(undefined);
  });

  it('never lets the order of members decide who collects', async () => {
    const [a, b, c] = fresh(3) as [string, string, string];
    await stage.put(patient(a), patient(b), patient(c));
    for (const members of [
      [a, `head:${b}`, c],
      [c, a, `head:${b}`],
    ]) {
      await stage.put(household('h-order', members));
      expect((await row('h-order'))?.collector).to.equal(b);
    }
    await stage.put(household('h-order', [`head:${b}`, `collector:${c}`, a]));
    expect(await row('h-order')).to.include({ collector: c, collector_basis: 'declared' });
    await stage.put(household('h-order', [a, b, c]));
    expect(await row('h-order')).to.include({ collector_id: null, collector_basis: null });
  });

  it('lets a member be in one household at a time, and move in one transaction', async () => {
    const [a, b] = fresh(2) as [string, string];
    await stage.put(patient(a), patient(b), household('h-from', [a, b]));
    expect(await refusal(stage.put(household('h-to', [a])))).to.equal(
      'member-in-another-household Group.member',
    );
    await stage.put(household('h-to', [a]), household('h-from', [b]));
    const places = await stage.rows(
      `select h.fhir_id as household, m.fhir_id as member from member m
       join household h using (household_id) where m.fhir_id = any($1) order by 2`,
      [[a, b]],
    );
    expect(places).to.eql([
      { household: 'h-to', member: a },
      { household: 'h-from', member: b },
    ]);
    expect(await refusal(stage.put(household('h-1', [a]), household('h-2', [a])))).to.match(
      /^member-in-another-household/,
    );
  });

  it('lets a former membership stand beside the present one', async () => {
    const [a] = fresh(1) as [string];
    const ended = {
      entity: { reference: `Patient/${a}` },
      period: { end: '2025-12-31' },
      extension: [extension('member-role', { valueCode: 'head' })],
    };
    await stage.put(patient(a), household('h-old', [`head:${a}`]));
    await stage.put(household('h-old', [ended]), household('h-new', [`head:${a}`]));
    expect((await row('h-old'))?.members_count).to.equal(0);
    expect((await row('h-new'))?.collector).to.equal(a);
  });

  it('lets its members go when it is ended, and takes them back only if they are free', async () => {
    const [a] = fresh(1) as [string];
    await stage.put(patient(a), household('h-end', [`collector:${a}`]));
    await stage.put(household('h-end', [`collector:${a}`], { active: false }));
    expect(await row('h-end')).to.include({ active: false, members_count: 0, collector: null });
    await stage.put(household('h-after', [a]));
    expect(await refusal(stage.put(household('h-end', [a])))).to.match(/^member-in-another/);
  });

  it('reads a period that ends in a month or a year as ending on its last day', async () => {
    const [a] = fresh(1) as [string];
    const until = (end: string) => ({ entity: { reference: `Patient/${a}` }, period: { end } });
    await stage.put(patient(a), household('h-until', [until('2026')]));
    expect((await row('h-until'))?.members_count).to.equal(1);
    await stage.put(household('h-until', [until('2025-12')]));
    expect((await row('h-until'))?.members_count).to.equal(0);
  });

  it('gives one of 16 households that claim one member at once the member', async () => {
    const [a] = fresh(1) as [string];
    await stage.put(patient(a));
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, n) => refusal(stage.put(household(`h-race-${n}`, [a])))),
    );
    expect(answers.filter((answer) => answer === 'accepted')).to.have.length(1);
    const rows = await stage.rows(
      `select m.household_id from household_member m join member p using (member_id)
       where p.fhir_id = $1 and m.active`,
      [a],
    );
    expect(rows).to.have.length(1);
  });

  it('knows one member by one identifier, whatever the id', async () => {
    const [a, b, c] = fresh(3) as [string, string, string];
    const identifier = [{ system: 'https://registry.example/nid', value: '900-1' }];
    await stage.put(patient(a, { identifier }));
    expect(await refusal(stage.put(patient(b, { identifier })))).to.equal(
      'identifier-taken Patient.identifier',
    );
    await stage.put(patient(c, { identifier, meta: {} }));
    expect(
      await refusal(stage.put(household('h-nid', [c]))),
      'a plain Patient is held to it once a household names it',
    ).to.equal('identifier-taken Patient.identifier');
    await stage.put(patient(a, { identifier: [] }));
    await stage.put(patient(b, { identifier }), household('h-nid2', [b]));
  });

  it('gives one of 16 members that claim one identifier at once the identifier', async () => {
    const identifier = [{ system: 'https://registry.example/nid', value: 'race' }];
    const answers = await Promise.all(
      fresh(16).map((id) => refusal(stage.put(patient(id, { identifier })))),
    );
    expect(answers.filter((answer) => answer === 'accepted')).to.have.length(1);
  });

  it('carries changed facts of a member into the household', async () => {
    const [a] = fresh(1) as [string];
    await stage.put(patient(a), household('h-death', [`head:${a}`]));
    await stage.put(patient(a, { deceasedDateTime: '2026-01-10' }));
    const [copy] = await stage.rows(
      `select m.deceased, m.deceased_on from household_member m join member p using (member_id)
       where p.fhir_id = $1`,
      [a],
    );
    expect(copy).to.eql({ deceased: true, deceased_on: '2026-01-10' });
  });

  it('makes plain Patients of the same transaction its members, with what is known of them', async () => {
    const [a, b] = fresh(2) as [string, string];
    const plain = (id: string, birthDate: string): Patient => {
      const { meta: _meta, ...rest } = patient(id, { birthDate });
      return {
        ...rest,
        identifier: [{ system: 'https://example.org/plain', value: id }],
        extension: [
          {
            url: structureDefinition('member-characteristic'),
            extension: [
              { url: 'code', valueCode: 'schooling' },
              { url: 'value', valueInteger: 7 },
            ],
          },
        ],
      };
    };
    await stage.put(
      plain(a, '1991-05-01'),
      plain(b, '2015'),
      household('h-plain', [`head:${a}`, b]),
    );
    const kept = await stage.rows(
      `select p.fhir_id, h.fhir_id as household, m.birth_date, m.birth_date_last, m.facts,
              (select count(*)::int from member_identifier i where i.member_id = p.member_id) as ids
       from member p join household h using (household_id)
       join household_member m on m.household_id = h.household_id and m.member_id = p.member_id
       where h.fhir_id = 'h-plain' order by m.position`,
    );
    const facts = { schooling: 7 };
    const always = { household: 'h-plain', facts, ids: 1 };
    expect(kept).to.deep.equal([
      { ...always, fhir_id: a, birth_date: '1991-05-01', birth_date_last: '1991-05-01' },
      { ...always, fhir_id: b, birth_date: '2015-01-01', birth_date_last: '2015-12-31' },
    ]);
    await stage.put(plain(a, '1992-05-01'));
    const [moved] = await stage.rows(
      `select m.birth_date from household_member m join member p using (member_id)
       where p.fhir_id = $1`,
      [a],
    );
    expect(moved).to.eql({ birth_date: '1992-05-01' });
  });

  it('refuses numbers that a spreadsheet has damaged', async () => {
    const [a] = fresh(1) as [string];
    await stage.put(patient(a));
    const put = (number: string) =>
      refusal(stage.put(household('h-phone', [a], { extension: [mobileAccount('psp', number)] })));
    expect(await put('2.54712E+11')).to.match(/^phone-scientific/);
    expect(await put('712345678')).to.match(/^phone-zero-lost/);
    expect(await put('12')).to.match(/^phone-/);
    expect(await put('254712345678')).to.equal('accepted');
    expect(await put('+254 712 345678')).to.equal('accepted');
    expect(
      await refusal(
        stage.put(patient(a, { telecom: [{ system: 'phone', value: '2.54712E+11' }] })),
      ),
    ).to.equal('phone-scientific Patient.telecom[0].value');
  });
});

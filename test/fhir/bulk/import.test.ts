/** Bulk imports over HTTP: every line once, refusals by line, the same file twice changes nothing. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { JobFailure } from '../../../src/jobs/worker.ts';
import { codeSystem, structureDefinition } from '../../../src/sdk/index.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const LINES = { 'content-type': 'application/fhir+ndjson' };

describe('$import', () => {
  let house: TestHouse;
  const folder = mkdtempSync(join(tmpdir(), 'bulk-'));
  before(async () => {
    house = await startTestHouse({
      environment: { DATA_DIR: folder, IMPORT_MAX_BYTES: '2000000' },
    });
  });
  after(async () => {
    await house?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const patient = (id: string, rest: object = {}): object => ({
    resourceType: 'Patient',
    id,
    gender: 'female',
    ...rest,
  });

  async function sent(lines: readonly (object | string)[]): Promise<string> {
    const body = lines.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
    const answer = await house.fetch('$import', { body: body.join('\n'), headers: LINES });
    expect(answer.status, answer.text).to.equal(202);
    return answer.headers.get('content-location')!;
  }

  async function imported(lines: readonly (object | string)[]): Promise<Json> {
    const place = await sent(lines);
    await house.settle();
    const answer = await house.fetch(place);
    expect(answer.status, answer.text).to.equal(200);
    return answer.json;
  }

  async function refusals(manifest: Json): Promise<Json[]> {
    const [file] = manifest.error;
    if (!file) return [];
    const { text } = await house.fetch(file.url);
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  const total = async (query: string): Promise<number> =>
    (await house.fetch(`${query}${query.includes('?') ? '&' : '?'}_summary=count`)).json.total;

  it('takes every line, and changes nothing when it is sent again', async () => {
    const lines = Array.from({ length: 1000 }, (_, at) =>
      patient(`bulk-${at}`, { identifier: [{ system: 'urn:bulk', value: String(at) }] }),
    );
    const first = await imported(lines);
    expect(first).to.include({ imported: 1000, unchanged: 0, refused: 0 });
    expect(await total('Patient?identifier=urn:bulk|')).to.equal(1000);
    expect((await house.fetch('Patient/bulk-999')).json.meta.versionId).to.equal('1');
    lines[0] = patient('bulk-0', { gender: 'male' });
    const second = await imported(lines);
    expect(second).to.include({ imported: 1, unchanged: 999, refused: 0 });
    expect((await house.fetch('Patient/bulk-0')).json).to.deep.include({ gender: 'male' });
    expect((await house.fetch('Patient/bulk-999')).json.meta.versionId).to.equal('1');
  });

  it('gives a line without id the same id each time', async () => {
    const line = { resourceType: 'Organization', name: 'Office without id' };
    expect(await imported([line])).to.include({ imported: 1 });
    expect(await imported([line])).to.include({ imported: 0, unchanged: 1 });
    expect(await total('Organization?name=Office%20without')).to.equal(1);
  });

  it('tells what is wrong with each refused line, and takes the others', async () => {
    const manifest = await imported([
      patient('good-1'),
      'not json',
      '',
      patient('bad-1', { gender: 'girl' }),
      patient('good-2'),
      { resourceType: 'Pig' },
      patient('bad id'),
      patient('good-1', { active: true }),
    ]);
    expect(manifest).to.include({ imported: 3, refused: 4 });
    const found = await refusals(manifest);
    expect(found.map((each) => each.id)).to.deep.equal(['line-2', 'line-4', 'line-6', 'line-7']);
    expect(found[1].issue[0].expression).to.deep.equal(['Patient.gender']);
    // The second line of one id comes after the first.
    expect((await house.fetch('Patient/good-1')).json).to.include({ active: true });
    expect((await house.fetch('Patient/good-1')).json.meta.versionId).to.equal('2');
  });

  it('runs through guards and projectors, and takes a household before its members', async () => {
    const household = {
      resourceType: 'Group',
      id: 'bulk-home',
      meta: { profile: [structureDefinition('household')] },
      type: 'person',
      actual: true,
      code: { coding: [{ system: codeSystem('group-type'), code: 'household' }] },
      member: [
        {
          entity: { reference: 'Patient/bulk-head' },
          extension: [{ url: structureDefinition('member-role'), valueCode: 'head' }],
        },
      ],
    };
    const manifest = await imported([household, patient('bulk-other'), patient('bulk-head')]);
    expect(await refusals(manifest)).to.deep.equal([]);
    expect(manifest).to.include({ imported: 3, refused: 0 });
    const { rows } = await house.database.pool.query(
      `select members_count from household where fhir_id = 'bulk-home'`,
    );
    expect(rows).to.deep.equal([{ members_count: 1 }]);
    const lost = structuredClone(household);
    lost.id = 'bulk-lost';
    lost.member[0]!.entity.reference = 'Patient/nobody';
    const refused = await imported([patient('bulk-near'), lost]);
    expect(refused).to.include({ imported: 1, refused: 1 });
    expect((await refusals(refused))[0].id).to.equal('line-2');
  });

  it('takes lines in any order, as an export gives them, and names those that lead nowhere', async () => {
    const households = Array.from({ length: 300 }, (_, at) => ({
      resourceType: 'Group',
      id: `order-home-${at}`,
      meta: { profile: [structureDefinition('household')] },
      type: 'person',
      actual: true,
      code: { coding: [{ system: codeSystem('group-type'), code: 'household' }] },
      member: [
        {
          entity: { reference: at % 100 === 99 ? 'Patient/nobody' : `Patient/order-${at}` },
          extension: [{ url: structureDefinition('member-role'), valueCode: 'head' }],
        },
      ],
    }));
    // Each names the one that comes after it, across the batches of the import.
    const chain = Array.from({ length: 1500 }, (_, at) => ({
      resourceType: 'Coverage',
      id: `order-cover-${at}`,
      status: 'draft',
      beneficiary: { reference: `Patient/order-${at % 300}` },
      payor: [{ reference: at < 1499 ? `Coverage/order-cover-${at + 1}` : 'Patient/order-1' }],
    }));
    for (const each of chain) {
      const [{ reference }] = each.payor as [{ reference: string }];
      const [type, id] = reference.split('/');
      if (type === 'Coverage') {
        Object.assign(each, {
          payor: [{ reference: `Patient/order-${Number(id!.split('-')[2]) % 300}` }],
          extension: [{ url: 'urn:after', valueReference: { reference } }],
        });
      }
    }
    const people = Array.from({ length: 300 }, (_, at) => patient(`order-${at}`));
    const lines = [...chain, ...households, ...people];
    const manifest = await imported(lines);
    const found = await refusals(manifest);
    expect(manifest, JSON.stringify(found[0])).to.include({ imported: 2097, refused: 3 });
    expect(found.map((each) => each.id)).to.deep.equal(['line-1600', 'line-1700', 'line-1800']);
    expect(found[0].issue[0].diagnostics).to.include('Patient/nobody');
    expect(await imported(lines)).to.include({ imported: 0, unchanged: 2097, refused: 3 });
  }).timeout(120_000);

  it('goes on where it was when its process died', async () => {
    const lines = Array.from({ length: 2500 }, (_, at) => patient(`resume-${at}`));
    const place = await sent(lines);
    const { pool } = house.database;
    // The database refuses in the middle, as it does when it is stopped.
    await pool.query(`create function refuse() returns trigger language plpgsql as $$ begin
      if new.content like '%resume-1600"%' then raise exception 'down' using errcode = '57P01'; end if;
      return new; end $$`);
    await pool.query(
      'create trigger refuse before insert on resource_patient for each row execute function refuse()',
    );
    const failures: JobFailure[] = [];
    await house.settle(failures);
    expect(failures).to.have.length(1);
    expect((await house.fetch(place)).status).to.equal(202);
    const before = await total('Patient?_id=resume-0,resume-999,resume-1000,resume-2400');
    expect(before).to.equal(2);
    await pool.query('drop trigger refuse on resource_patient');
    await house.advance(3600);
    await house.settle();
    const { json } = await house.fetch(place);
    expect(json, JSON.stringify(json)).to.include({ imported: 2500, unchanged: 0, refused: 0 });
    expect((await house.fetch('Patient/resume-0')).json.meta.versionId).to.equal('1');
  });

  it('takes gzip, and refuses other forms, too much, and who may not write', async () => {
    const zipped = await fetch(`${house.base}/$import`, {
      method: 'POST',
      headers: { ...LINES, authorization: `Bearer ${house.token}`, 'content-encoding': 'gzip' },
      body: gzipSync(JSON.stringify(patient('zipped'))),
    });
    expect(zipped.status).to.equal(202);
    await house.settle();
    expect((await house.fetch('Patient/zipped')).status).to.equal(200);
    const broken = await fetch(`${house.base}/$import`, {
      method: 'POST',
      headers: { ...LINES, authorization: `Bearer ${house.token}`, 'content-encoding': 'gzip' },
      body: 'no gzip',
    });
    expect(broken.status).to.equal(400);
    expect((await house.fetch('$import', { body: patient('json') })).status).to.equal(415);
    const token = await house.tokenFor();
    const body = JSON.stringify(patient('stranger'));
    expect((await house.fetch('$import', { body, headers: LINES, token })).status).to.equal(403);
    const much = 'x'.repeat(2_000_001);
    expect((await house.fetch('$import', { body: much, headers: LINES })).status).to.equal(413);
  });
});

/** Bulk exports over HTTP: what is asked for, whole, of one instant, and for nobody else. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import { removeBulkFiles } from '../../../src/fhir/bulk/jobs.ts';
import { systemClock } from '../../../src/sdk/index.ts';
import {
  type FetchOptions,
  type Json,
  startTestHouse,
  type TestHouse,
} from '../../support/server.ts';

describe('$export', () => {
  let house: TestHouse;
  const folder = mkdtempSync(join(tmpdir(), 'bulk-'));

  before(async () => {
    house = await startTestHouse({ environment: { DATA_DIR: folder } });
    for (const id of ['kofi', 'ama', 'esi']) {
      await put('Patient', id, { gender: id === 'kofi' ? 'male' : 'female', active: true });
      await put('Observation', `weight-${id}`, {
        status: 'final',
        code: { text: 'weight, "kg"\\' },
        subject: { reference: `Patient/${id}` },
        valueQuantity: { value: 50.5 },
      });
    }
    await put('Group', 'kin', {
      type: 'person',
      actual: true,
      member: [{ entity: { reference: 'Patient/kofi' } }, { entity: { reference: 'Patient/esi' } }],
    });
    await put('Organization', 'office', { name: 'District office' });
  });
  after(async () => {
    await house?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function put(resourceType: string, id: string, rest: object): Promise<void> {
    const body = { resourceType, id, ...rest };
    const answer = await house.fetch(`${resourceType}/${id}`, { method: 'PUT', body });
    expect(answer.status, answer.text).to.be.oneOf([200, 201]);
  }

  async function kickOff(path: string, how: FetchOptions = {}): Promise<string> {
    const headers = { prefer: 'respond-async', ...how.headers };
    const answer = await house.fetch(path, { ...how, headers });
    expect(answer.status, answer.text).to.equal(202);
    return answer.headers.get('content-location')!;
  }

  async function exported(path: string, how: FetchOptions = {}): Promise<Json> {
    const place = await kickOff(path, how);
    await house.settle();
    const answer = await house.fetch(place, how.token ? { token: how.token } : {});
    expect(answer.status, answer.text).to.equal(200);
    return answer.json;
  }

  async function linesOf(files: { type: string; url: string; count: number }[]): Promise<Json[]> {
    const lines: Json[] = [];
    for (const { url, count } of files) {
      const { text, status, headers } = await house.fetch(url);
      expect(status).to.equal(200);
      expect(headers.get('content-type')).to.match(/ndjson/);
      const some = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(some).to.have.length(count);
      lines.push(...some);
    }
    return lines;
  }

  const names = (resources: Json[]): string[] =>
    resources.map((each) => `${each.resourceType}/${each.id}`);

  it('tells where the state can be asked for, how far it is, and what it gave', async () => {
    const place = await kickOff('$export');
    const early = await house.fetch(place);
    expect(early.status).to.equal(202);
    expect(early.headers.get('x-progress')).to.be.a('string').and.not.equal('');
    expect(Number(early.headers.get('retry-after'))).to.be.greaterThan(0);
    await house.settle();
    const { status, json, headers } = await house.fetch(place);
    expect(status).to.equal(200);
    expect(headers.get('expires')).to.match(/GMT$/);
    expect(json).to.include({ request: `${house.base}/$export`, requiresAccessToken: true });
    const lines = await linesOf(json.output);
    const stored = names(lines).filter((each) => !each.startsWith('Measure/'));
    expect(stored).to.have.members([
      'Group/kin',
      'Observation/weight-ama',
      'Observation/weight-esi',
      'Observation/weight-kofi',
      'Organization/office',
      'Patient/ama',
      'Patient/esi',
      'Patient/kofi',
    ]);
    const read = await house.fetch('Observation/weight-ama');
    expect(lines.find((each) => each.id === 'weight-ama')).to.deep.equal(read.json);
  });

  it('exports what concerns people, or the members of a group', async () => {
    const people = await linesOf((await exported('Patient/$export')).output);
    expect(names(people)).to.have.length(7).and.not.include('Organization/office');
    const { output } = await exported('Group/kin/$export?_type=Patient,Observation');
    expect(names(await linesOf(output))).to.have.members([
      'Patient/kofi',
      'Patient/esi',
      'Observation/weight-kofi',
      'Observation/weight-esi',
    ]);
  });

  it('takes types, filters and elements, by GET and by POST', async () => {
    const filter = encodeURIComponent('Patient?gender=female');
    const some = await exported(`$export?_type=Patient&_typeFilter=${filter}`);
    expect(names(await linesOf(some.output))).to.have.members(['Patient/ama', 'Patient/esi']);
    const body = {
      resourceType: 'Parameters',
      parameter: [
        { name: '_type', valueString: 'Patient' },
        { name: '_elements', valueString: 'Patient.gender' },
        { name: 'patient', valueReference: { reference: 'Patient/kofi' } },
      ],
    };
    const [part, ...more] = await linesOf((await exported('Patient/$export', { body })).output);
    expect(more).to.deep.equal([]);
    expect(part).to.include({ id: 'kofi', gender: 'male' }).and.not.have.property('active');
  });

  it('gives what has changed since, and lists what was deleted', async () => {
    const first = await exported('$export');
    house.clock.advance(60);
    await put('Patient', 'ama', { gender: 'female', active: false });
    await house.fetch('Observation/weight-ama', { method: 'DELETE' });
    const { output, deleted } = await exported(`$export?_since=${first.transactionTime}`);
    expect(names(await linesOf(output))).to.include('Patient/ama');
    house.clock.advance(60);
    const later = new Date(house.clock.now().getTime() - 30_000).toISOString();
    expect((await exported(`$export?_since=${later}`)).output).to.deep.equal([]);
    const bundles: Bundle[] = await linesOf(deleted);
    const urls = bundles.flatMap((each) => each.entry!.map((entry) => entry.request!.url));
    expect(urls).to.deep.equal(['Observation/weight-ama']);
  });

  it('is of one instant: what is written meanwhile is whole or not there', async () => {
    const { app } = house;
    const client = await app.pool.connect();
    try {
      await client.query('begin');
      await client.query(`update resource set lu = lu where type = 103`);
      const { transactionTime } = await exported('$export?_type=Patient');
      // A transaction that was open may still bring earlier resources: the instant is before it.
      expect(new Date(transactionTime).getTime()).to.be.lessThan(house.clock.now().getTime());
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  it('shows a job and its files to its caller alone', async () => {
    const place = await kickOff('$export?_type=Patient');
    await house.settle();
    const { json } = await house.fetch(place);
    const token = await house.tokenFor('administrator');
    expect((await house.fetch(place, { token })).status).to.equal(404);
    expect((await house.fetch(json.output[0].url, { token })).status).to.equal(404);
    expect((await house.fetch(place, { token, method: 'DELETE' })).status).to.equal(404);
    const outside = json.output[0].url.replace(/[^/]+$/, '..%2f..%2fsecret');
    expect((await house.fetch(outside)).status).to.equal(404);
    expect((await house.fetch(place, { method: 'DELETE' })).status).to.equal(202);
    expect((await house.fetch(place)).status).to.equal(404);
    expect((await house.fetch(json.output[0].url)).status).to.equal(404);
  });

  it('refuses what is not allowed or not understood, before anything is begun', async () => {
    const token = await house.tokenFor();
    expect((await house.fetch('$export?_type=Patient', { token })).status).to.equal(403);
    expect((await house.fetch('$export?_type=Pig')).status).to.equal(400);
    expect((await house.fetch('$export?_sinc=2020')).status).to.equal(400);
    expect((await house.fetch('$export?_outputFormat=csv')).status).to.equal(400);
    const filter = encodeURIComponent('Patient?colour=red');
    expect((await house.fetch(`$export?_typeFilter=${filter}`)).status).to.equal(400);
    const gone = await kickOff('Group/none/$export');
    await house.settle();
    expect((await house.fetch(gone)).status).to.equal(422);
  });

  it('leaves its files to whoever has taken it over, and removes those of one cancelled', async () => {
    const { pool } = house.database;
    const runs = async (change: string): Promise<string> => {
      const place = await kickOff('$export?_type=Patient');
      const id = place.split('/').at(-1)!;
      mkdirSync(join(folder, 'bulk', id), { recursive: true });
      // Right after the job has begun, somebody else changes its row.
      await pool.query(`create function change_job() returns trigger language plpgsql as $$ begin
        if new.tries = 1 and new.state = 'running' then
          update bulk_job set ${change} where id = new.id;
        end if;
        return null; end $$`);
      await pool.query(
        'create trigger change_job after update on bulk_job for each row execute function change_job()',
      );
      await house.settle();
      await pool.query('drop trigger change_job on bulk_job; drop function change_job()');
      return id;
    };
    const taken = await runs('tries = 7');
    expect((await house.fetch(`bulk-status/${taken}`)).status).to.equal(202);
    expect(readdirSync(join(folder, 'bulk'))).to.include(taken);
    const cancelled = await runs(`state = 'cancelled'`);
    expect(readdirSync(join(folder, 'bulk'))).to.not.include(cancelled);
  });

  it('is cancelled while it waits, and forgotten when its time is over', async () => {
    const waiting = await kickOff('$export');
    expect((await house.fetch(waiting, { method: 'DELETE' })).status).to.equal(202);
    await house.settle();
    expect((await house.fetch(waiting)).status).to.equal(404);
    const place = await kickOff('$export?_type=Patient');
    await house.settle();
    const { json } = await house.fetch(place);
    const id = place.split('/').at(-1)!;
    expect(readdirSync(join(folder, 'bulk'))).to.include(id);
    house.clock.set(new Date(systemClock.now().getTime() + 25 * 3_600_000));
    expect((await house.fetch(place)).status).to.equal(404);
    expect((await house.fetch(json.output[0].url)).status).to.equal(404);
    await runUnitOfWork(house.app, SYSTEM, {}, async (unit) => unit.enqueue(removeBulkFiles, {}));
    await house.settle();
    expect(readdirSync(join(folder, 'bulk'))).to.not.include(id);
  });
});

/**
 * A module from outside the repository: the code that `modules/README.md` shows is taken from the
 * page, put into a folder elsewhere, named to the house as MODULES would name it, and used.
 */

import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { households } from '../../modules/households/index.ts';
import { indicators } from '../../modules/indicators/index.ts';
import { newModule } from '../../modules/new-module.ts';
import { assemble } from '../../src/assemble.ts';
import { outsideModules } from '../../src/outside.ts';
import { HOUSE_SETTINGS } from '../../src/settings.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Writes every code block of the page that names a file. */
function writeModuleOfThePage(folder: string): string[] {
  const page = readFileSync(join(ROOT, 'modules/README.md'), 'utf8');
  const blocks = [...page.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)];
  for (const [, path = '', text = ''] of blocks) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return blocks.map((block) => block[1]!);
}

describe('a module from outside the repository, as modules/README.md shows it', () => {
  let folder: string;
  let house: TestHouse;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'amana-outside-'));
    expect(writeModuleOfThePage(folder)).to.include('visits/index.js');
    const outside = await outsideModules([join(folder, 'visits')]);
    house = await startTestHouse({
      modules: [indicators, households, ...outside],
      environment: { VISIT_DAYS_MAX: '90', PHONE_COUNTRY: 'KE' },
    });
    const answer = await house.fetch('', {
      body: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          {
            fullUrl: 'urn:uuid:0b1a3f1e-3a0e-4e0e-9d3e-111111111111',
            resource: { resourceType: 'Patient', name: [{ family: 'Akinyi' }] },
            request: { method: 'POST', url: 'Patient' },
          },
          {
            resource: {
              resourceType: 'Group',
              id: 'h-1',
              type: 'person',
              actual: true,
              code: { coding: [{ code: 'household' }] },
              member: [{ entity: { reference: 'urn:uuid:0b1a3f1e-3a0e-4e0e-9d3e-111111111111' } }],
            },
            request: { method: 'PUT', url: 'Group/h-1' },
          },
        ],
      },
    });
    expect(answer.status, answer.text).to.equal(200);
  });
  after(async () => {
    await house?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const visit = (start: string) =>
    house.fetch('Encounter', {
      body: {
        resourceType: 'Encounter',
        status: 'finished',
        class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'HH' },
        subject: { reference: 'Group/h-1' },
        period: { start },
      },
    });
  const due = async (): Promise<number> =>
    (await house.app.pool.query('select 1 from visit_due')).rowCount ?? 0;
  const ring = async (): Promise<void> => {
    await house.app.pool.query(`select graphile_worker.add_job('visits.list-due', '{}'::json)`);
    await house.settle();
  };

  it('brings its migration, and its job finds who is due', async () => {
    expect(house.house.migrated).to.include('5000_visits_visit.sql');
    await ring();
    expect(await due()).to.equal(1);
  });

  it('keeps its rows in the write, and reacts after it', async () => {
    expect((await visit('2026-01-10T09:00:00Z')).status).to.equal(201);
    await house.settle();
    expect(await due()).to.equal(0);
    await ring();
    expect(await due()).to.equal(0);
  });

  it('answers its operation, which metadata shows', async () => {
    const answer = await house.fetch('Group/h-1/$last-visit');
    expect(answer.json.parameter).to.deep.equal([{ name: 'visited-on', valueDate: '2026-01-10' }]);
    const unknown = await house.fetch('Group/h-2/$last-visit');
    expect(unknown.status).to.equal(404);
    const registrar = await house.tokenFor('registrar');
    const refused = await house.fetch('Group/h-1/$last-visit', { token: registrar });
    expect(refused.json.issue[0].diagnostics).to.include('visits.read');
    const metadata = await house.fetch('metadata');
    const group = metadata.json.rest[0].resource.find(
      (each: { type: string }) => each.type === 'Group',
    );
    expect(group.operation.map((each: { name: string }) => each.name)).to.include('last-visit');
  });

  it('refuses by its guard, and nothing is kept', async () => {
    const answer = await visit('2026-03-01T09:00:00Z');
    expect(answer.status).to.equal(422);
    expect(answer.json.issue[0]).to.deep.include({ expression: ['Encounter.period.start'] });
    expect((await house.app.pool.query('select 1 from visit')).rowCount).to.equal(1);
  });

  it('is refused with a sentence when it is no module', async () => {
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const said = async (path: string): Promise<string> =>
      outsideModules([path]).then(
        () => 'loaded',
        (error: Error) => error.message,
      );
    expect(await said(write('empty.mjs', ''))).to.include('no module');
    expect(await said(write('broken.mjs', 'import "./nowhere.mjs";'))).to.include(
      'cannot be loaded',
    );
    expect(await said(join(folder, 'absent'))).to.include('cannot be loaded');
    const relative = `export default { name: 'x', title: 'X', migrations: './migrations' };`;
    expect(await said(write('relative.mjs', relative))).to.include('absolute path');
  });
});

describe('npm run new-module', () => {
  it('makes a module that assembles, and refuses bad and taken names', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'amana-new-module-'));
    symlinkSync(join(ROOT, 'src'), join(folder, 'src'));
    expect(newModule(folder, 'cash-plus')).to.deep.equal([
      'modules/cash-plus/index.ts',
      'modules/cash-plus/README.md',
      'migrations/0010_cash_plus_first.sql',
      'test/modules/cash-plus/cash-plus.test.ts',
    ]);
    const { cashPlus } = await import(join(folder, 'modules/cash-plus/index.ts'));
    expect(assemble([cashPlus], HOUSE_SETTINGS).registers.modules).to.include(cashPlus);
    expect(() => newModule(folder, 'cash-plus')).to.throw(/already/);
    expect(() => newModule(folder, 'Cash Plus')).to.throw(/kebab-case/);
    await rm(folder, { recursive: true, force: true });
  });
});

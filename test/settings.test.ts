/** Settings are read once, all faults at once, and documented in README.md word for word. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { clean } from '../src/log.ts';
import {
  BODY_MAX_BYTES,
  DATABASE_URL,
  HOUSE_SETTINGS,
  LOG_LEVEL,
  PORT,
  readSettings,
  SettingsFault,
  settingsTable,
} from '../src/settings.ts';

describe('settings', () => {
  it('have defaults', () => {
    const settings = readSettings(HOUSE_SETTINGS, {});
    expect(settings.get(PORT)).to.equal(undefined);
    expect(settings.get(LOG_LEVEL)).to.equal('info');
    expect(settings.get(BODY_MAX_BYTES)).to.equal(50 * 1024 * 1024);
  });

  it('are parsed, and an empty variable is an unset one', () => {
    const settings = readSettings(HOUSE_SETTINGS, { PORT: '9000', LOG_LEVEL: '' });
    expect(settings.get(PORT)).to.equal(9000);
    expect(settings.get(LOG_LEVEL)).to.equal('info');
  });

  it('are refused together, naming each and keeping secrets', () => {
    const read = () =>
      readSettings(HOUSE_SETTINGS, {
        PORT: 'eighty',
        LOG_LEVEL: 'loud',
        DATABASE_URL: 'mysql://u:hunter2@x/y',
        BOOTSTRAP_CLIENT_SECRET: 'short',
      });
    expect(read).to.throw(SettingsFault, /PORT.*eighty[\s\S]*DATABASE_URL[\s\S]*LOG_LEVEL/);
    expect(read).not.to.throw(/hunter2|is "short"/);
    expect(DATABASE_URL.secret).to.equal(true);
  });

  it('stand in README.md as they are', () => {
    const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
    expect(readme).to.include(settingsTable(HOUSE_SETTINGS));
  });
});

describe('the log', () => {
  it('keeps codes and figures and drops free text', () => {
    expect(
      clean({ id: 'Patient/0191-a', count: 3, seq: 7n, given: 'Amina', ok: true }),
    ).to.deep.equal({ id: 'Patient/0191-a', count: 3, seq: '7', given: '[text]', ok: true });
    expect(clean({ value: '+254700123456', code: 'Amina Odhiambo' })).to.deep.equal({
      value: '[text]',
      code: '[text]',
    });
  });
});

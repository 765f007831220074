/**
 * Holds: what stands on whom, and what payroll will see of it.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { households, raiseHold, releaseHold } from '../../../modules/households/index.ts';
import { household, patient } from '../support/people.ts';
import { openStage, refusal, type Stage } from '../support/stage.ts';

describe('holds', () => {
  let stage: Stage;

  before(async () => {
    stage = await openStage([households]);
    await stage.put(patient('p-1'), patient('p-2'), household('h-1', ['head:p-1', 'p-2']));
  });
  after(() => stage.close());

  const standing = () =>
    stage.rows<{ code: string; policy: string }>(
      'select code, policy from households_hold order by code',
    );

  it('shows a hold on a household until it is released, and releases it once', async () => {
    const flag = await stage.work((ctx) =>
      raiseHold(ctx, {
        subject: { type: 'Group', id: 'h-1' },
        code: 'grievance-open',
        policy: 'soft',
      }),
    );
    expect(await standing()).to.eql([{ code: 'grievance-open', policy: 'soft' }]);
    for (let time = 0; time < 2; time += 1) {
      await stage.work((ctx) => releaseHold(ctx, flag.id ?? ''));
    }
    expect(await standing()).to.eql([]);
    expect(await stage.rows('select version, active from hold')).to.eql([
      { version: 2, active: false },
    ]);
  });

  it('shows a hold on a member at the household the member is in now', async () => {
    await stage.work((ctx) =>
      raiseHold(ctx, {
        subject: { type: 'Patient', id: 'p-2' },
        code: 'duplicate-suspected',
        policy: 'hard',
      }),
    );
    const where = () =>
      stage.rows('select h.fhir_id from households_hold join household h using (household_id)');
    expect(await where()).to.eql([{ fhir_id: 'h-1' }]);
    await stage.put(household('h-1', ['head:p-1']), household('h-2', ['p-2']));
    expect(await where()).to.eql([{ fhir_id: 'h-2' }]);
  });

  it('refuses a hold on nobody', async () => {
    const hold = (id: string) =>
      stage.work((ctx) =>
        raiseHold(ctx, { subject: { type: 'Group', id }, code: 'x', policy: 'hard' }),
      );
    expect(await refusal(hold('nobody'))).to.equal('hold-subject Flag.subject');
  });
});

/**
 * Who is a provider, and how a household gets an account there.
 */

import type { Group, Parameters } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { households } from '../../../modules/households/index.ts';
import { findProvider, providers } from '../../../modules/providers/index.ts';
import { household, mobileAccount, patient, provider } from '../support/people.ts';
import { openStage, refusal, type Stage } from '../support/stage.ts';

describe('providers', () => {
  let stage: Stage;

  before(async () => {
    stage = await openStage([households, providers], { PHONE_COUNTRY: 'KE' });
    await stage.put(
      provider('telco'),
      provider('bank'),
      provider('closed', { active: false }),
      { resourceType: 'Organization', id: 'ministry', name: 'Ministry' },
      patient('p-1'),
      household('h-1', ['head:p-1'], { extension: [mobileAccount('telco', '0712345678')] }),
    );
  });
  after(() => stage.close());

  const find = (id: string) => stage.work((ctx) => findProvider(ctx, id));
  const link = (provider: string, kind: string, number: string, preferred?: boolean) =>
    stage.run<Group>('link-account', {
      type: 'Group',
      id: 'h-1',
      parameters: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'provider', valueReference: { reference: `Organization/${provider}` } },
          { name: 'kind', valueCode: kind },
          { name: 'number', valueString: number },
          ...(preferred === undefined ? [] : [{ name: 'preferred', valueBoolean: preferred }]),
        ],
      } as Parameters,
    });
  const accounts = () =>
    stage.rows<{ account_number: string; preferred: boolean }>(
      'select account_number, preferred from household_account order by 1',
    );

  it('are Organizations that say so; only an active one with a channel disburses', async () => {
    expect(await find('telco')).to.include({ channel: 'simulator', disburses: true });
    expect(await find('closed')).to.include({ active: false, disburses: false });
    expect(await find('ministry')).to.equal(undefined);
    await stage.put(provider('silent', { extension: [] }));
    expect(await find('silent')).to.include({ channel: null, disburses: false });
    await stage.put({ resourceType: 'Organization', id: 'silent', name: 'Was one' });
    expect(await find('silent')).to.equal(undefined);
  });

  it('link an account to a household, which becomes the one that is paid', async () => {
    await link('bank', 'bank', '0012 3456 789');
    expect(await accounts()).to.eql([
      { account_number: '+254712345678', preferred: false },
      { account_number: '00123456789', preferred: true },
    ]);
    await link('telco', 'mobile', '0711 111 111');
    expect(await accounts(), 'an account of the same kind there is replaced').to.eql([
      { account_number: '+254711111111', preferred: true },
      { account_number: '00123456789', preferred: false },
    ]);
    await link('bank', 'bank', '0099', false);
    expect((await accounts()).filter((account) => account.preferred)).to.have.length(1);
  });

  it('refuse what is not theirs or not an account', async () => {
    expect(await refusal(link('closed', 'mobile', '0712345678'))).to.equal(
      'provider-inactive provider',
    );
    expect(await refusal(link('ministry', 'bank', '00123'))).to.equal(
      'provider-unregistered provider',
    );
    expect(await refusal(link('telco', 'mobile', '2.54E+11'))).to.equal('phone-scientific number');
    expect(await refusal(link('bank', 'bank', 'GB82WEST12345698765433'))).to.equal(
      'account-check-digits number',
    );
    expect(await refusal(link('telco', 'cash', '1'))).to.equal('account-kind kind');
  });
});

/**
 * What leaves a payroll on paper and in tables: names in their own script and direction, numbers that
 * can be scanned, totals that agree, and nobody's names for who may not read them.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { sheetNames, toCsv } from '../../../modules/indicators/index.ts';
import {
  isRightToLeft,
  paymentListPdf,
  printable,
  runsOf,
} from '../../../modules/payroll/index.ts';
import { createActor } from '../../../src/access/actors.ts';
import { getToken, type Json } from '../../support/server.ts';
import { household, inArea, patient, payPoint } from '../support/people.ts';
import { Scene, text } from './scene.ts';

describe('paper of a payroll', () => {
  let scene: Scene;
  let payroll: string;
  before(async () => {
    scene = await Scene.open();
    await scene.put(payPoint('bank-north', 'north', 'bank', 100));
    const name = [{ text: '=cmd|فاطمة الزهراء', use: 'official' as const }];
    await scene.put(patient('p-4', { name }));
    await scene.put(household('h-4', ['head:p-4'], { extension: [inArea('north')] }));
    await scene.house.settle();
    await scene.done('InsurancePlan/s/$enrol');
    await scene.hold('h-3');
    payroll = await scene.pay([text('period', '2026-01')]);
  });
  after(() => scene?.house.stop());

  const bytes = async (path: string, token?: string): Promise<Response> =>
    fetch(`${scene.house.base}/${path}`, {
      headers: { authorization: `Bearer ${token ?? scene.house.token}` },
    });

  it('is a PDF by pay point, and the same lines as XLSX and CSV', async () => {
    const pdf = await bytes(`${payroll}/$payment-list`);
    expect(pdf.headers.get('content-type')).to.contain('application/pdf');
    const body = Buffer.from(await pdf.arrayBuffer());
    expect(body.subarray(0, 5).toString()).to.equal('%PDF-');
    expect(body.subarray(-6).toString()).to.contain('%%EOF');
    const xlsx = await bytes(`${payroll}/$payment-list?_format=xlsx`);
    expect(
      Buffer.from(await xlsx.arrayBuffer())
        .subarray(0, 2)
        .toString(),
    ).to.equal('PK');
    const csv = await (await bytes(`${payroll}/$payment-list?_format=csv`)).text();
    const rows = csv.trim().split('\r\n');
    expect(rows).to.have.length(4);
    const numbers = await scene.rows<{ n: string }>(
      'select disbursement_transaction_number(key) as n from instruction',
    );
    for (const { n } of numbers) expect(csv).to.contain(n);
    expect(csv).to.contain("'=cmd|فاطمة الزهراء");
    const one = await bytes(`${payroll}/$payment-list?_format=csv&pay-point=Location/bank-north`);
    expect((await one.text()).trim().split('\r\n')).to.have.length(2);
  });

  it('is given to who prints and reads people, and of approved payrolls only', async () => {
    const approver = await scene.house.tokenFor('payroll-approver');
    expect((await bytes(`${payroll}/$payment-list`, approver)).status).to.equal(403);
    const officer = await scene.house.tokenFor('payroll-officer');
    expect((await bytes(`${payroll}/$payment-list`, officer)).status).to.equal(200);
    const draft = await scene.draft([text('period', '2026-02')]);
    expect((await bytes(`${draft}/$payment-list`)).status).to.equal(409);
    expect((await bytes(`${payroll}/$payment-list?_format=doc`)).status).to.be.within(400, 422);
  });

  it('is printed by officers of areas for their areas alone, and so are reports', async () => {
    const secret = 'secret-of-the-north';
    const { app, clock, house } = scene.house;
    const id = await createActor(app.pool, clock, {
      ...{ kind: 'client', name: 'north', login: 'north', secret, roles: ['area-officer'] },
    });
    const limits = { method: 'PUT', body: { areas: ['north'] } };
    await scene.house.fetch(`${house.url}/access/actors/${id}/limits`, limits);
    const officer = await getToken(house.url, 'north', secret);
    const read = async (path: string) => (await bytes(path, officer)).text();
    const csv = await read(`${payroll}/$payment-list?_format=csv`);
    expect(csv, csv).to.contain('h-1').and.to.contain('Sample').and.to.contain('h-4');
    expect(csv).not.to.contain('h-2');
    const { json } = await scene.house.fetch(`${payroll}/$report`, { token: officer });
    expect(json.group[0].population[0].count).to.equal(2);
    expect(json.group[4].population[0].count, 'a hold in the south').to.equal(0);
    await scene.register(1, 'south');
    await scene.house.settle();
    const moved = await read(`${payroll}/$payment-list?_format=csv`);
    expect(moved).to.contain('h-1').and.not.to.contain('Sample').and.not.to.contain('+25470');
    await scene.register(1);
    await scene.house.settle();
    expect((await scene.call(`${payroll}/$summary`, [], officer)).status).to.equal(403);
  });

  it('reports planned against paid, with the same totals in every split', async () => {
    const { json } = await scene.house.fetch(`${payroll}/$report`);
    const { definitions } = scene.house.app.fhir;
    expect(definitions.validate(json).filter((each) => each.severity === 'error')).to.deep.equal(
      [],
    );
    const counts = json.group.map((each: Json) => [
      each.code.coding[0].code,
      each.population[0].count,
      each.measureScore.value,
    ]);
    expect(counts).to.deep.equal([
      ['planned', 3, 300],
      ['paid', 3, 300],
      ['waiting', 0, 0],
      ['not-paid', 0, 0],
      ['excluded', 1, 0],
    ]);
    for (const group of json.group) {
      for (const stratifier of group.stratifier ?? []) {
        const sum = stratifier.stratum.reduce(
          (total: number, each: Json) => total + each.population[0].count,
          0,
        );
        expect(sum, stratifier.code[0].text).to.equal(group.population[0].count);
      }
    }
    const csv = await (await bytes(`${payroll}/$report?_format=csv`)).text();
    expect(csv).to.contain('hold');
    expect((await bytes(`${payroll}/$report?_format=xlsx`)).headers.get('content-type')).to.contain(
      'sheet',
    );
  });
});

describe('a name on paper', () => {
  it('is cut into fonts and directions as it is seen', () => {
    const parts = (name: string) => runsOf(name).map((each) => each.text);
    expect(parts('Amina Said')).to.deep.equal(['Amina Said']);
    expect(parts('محمد علي').join('|')).to.equal('علي| |محمد');
    expect(parts('علي Ali').join('|')).to.equal('Ali| |علي');
    expect(parts('محمد (أحمد) علي 42').join('|')).to.equal('42| |علي| (|أحمد|) |محمد');
    expect(isRightToLeft('محمد')).to.equal(true);
    expect(isRightToLeft('Amina')).to.equal(false);
    const fonts = (name: string) => new Set(runsOf(name).map((each) => each.font));
    expect(fonts('አበበ በቂላ')).to.include('noto-sans-ethiopic-ethiopic');
    expect(fonts('রহিমা খাতুন')).to.include('noto-sans-bengali-bengali');
    expect(fonts('सीता देवी')).to.include('noto-sans-devanagari');
  });

  it('is in Latin letters where no font can write it, never in boxes', () => {
    expect(printable('សុខ')).to.match(/^[\x20-\x7e]+$/);
    expect(printable('Núñez Ỳ Жанна')).to.equal('Núñez Ỳ Жанна');
  });

  it('is printed for a thousand lines within moments', async () => {
    const lines = Array.from({ length: 1000 }, (_, at) => ({
      number: at + 1,
      transactionNumber: 'T000000000000',
      name: ['محمد (أحمد) علي', 'አበበ በቂላ', 'রহিমা খাতুন', 'सीता देवी', 'Nguyễn Thị Ánh'][at % 5]!,
      household: 'h-1',
      amount: '1250.00',
      account: 'cash',
    }));
    const section = { place: 'Gao · غاو', lines, total: '1250000.00' };
    const list = { title: 'Scheme 2026-01', period: '2026-01', currency: 'KES', payrollId: 'x' };
    let size = 0;
    for await (const part of paymentListPdf({
      ...list,
      printedAt: '2026-01-01 00:00',
      sections: [section],
    })) {
      size += part.length;
    }
    expect(size).to.be.within(100_000, 10_000_000);
  });

  it('is no formula in a table, and no name of a sheet that Excel refuses', () => {
    const { body } = toCsv({ name: 's', columns: ['a'], rows: [['=1+1'], ['plain']] });
    expect(body.split('\r\n').slice(0, 3)).to.deep.equal(['a', "'=1+1", 'plain']);
    expect(sheetNames(['A/B', 'a b', '', 'x'.repeat(40)])).to.deep.equal([
      'A B',
      'a b 2',
      'Sheet',
      'x'.repeat(31),
    ]);
  });
});

/**
 * Reading statements: exact amounts, and a refusal that names the line for whatever a spreadsheet or
 * a careless export has damaged.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { checkStatement } from '../../../modules/reconciliation/parse/check.ts';
import { csvFormat } from '../../../modules/reconciliation/parse/csv.ts';
import { jsonFormat } from '../../../modules/reconciliation/parse/json.ts';
import type { ReadingOptions } from '../../../modules/reconciliation/statement.ts';
import { formatAmount, Problem } from '../../../src/sdk/index.ts';

const options = (mapping: Record<string, string> = {}, more = {}): ReadingOptions => ({
  mapping: new Map(Object.entries(mapping)),
  currency: 'KES',
  decimalMark: '.',
  ...more,
});

const csv = (text: string, how = options()) => csvFormat.read(Buffer.from(text), how);

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem) return `${error.issues[0]!.code} ${error.issues[0]!.expression}`;
    throw error;
  }
  return 'accepted';
}

describe('reading a statement', () => {
  it('finds columns by their usual names, by comma, semicolon or tab', () => {
    for (const mark of [',', ';', '\t']) {
      const text = ['Code,Paid,Amount,Receipt', 'T1,Yes,12.50,R1', 'T2,No,3,'].join('\r\n');
      const { lines } = csv(`\uFEFF${text.replaceAll(',', mark)}`);
      expect(lines).to.deep.equal([
        {
          number: 2,
          key: 'T1',
          reference: 'R1',
          result: 'paid',
          amountMinor: 1250n,
          currency: 'KES',
        },
        { number: 3, key: 'T2', result: 'not-paid', amountMinor: 300n, currency: 'KES' },
      ]);
    }
  });

  it('reads every amount exactly, whatever its size', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 17n }), (minor) => {
        const text = formatAmount({ minor, currency: 'KES' });
        expect(csv(`key,amount\nT1,${text}`).lines[0]!.amountMinor).to.equal(minor);
        const json = `[{"k":"T1","a":${text}}]`;
        const how = options({ key: '$.k', amount: '$.a' });
        expect(jsonFormat.read(Buffer.from(json), how).lines[0]!.amountMinor).to.equal(minor);
      }),
    );
  });

  const DAMAGED: ReadonlyArray<readonly [string, string, string]> = [
    ['an amount in scientific notation', 'T1,2.5E+03,,', 'scientific-notation .amount'],
    ['a number of digits lost', 'T1,5,2.54708E+11,', 'scientific-notation .account'],
    ['a formula', 'T1,5,,=cmd|x', 'formula-cell .text'],
    ['an amount that computes', 'T1,=1+1,,', 'formula-cell .amount'],
    ['too many decimals', 'T1,5.001,,', 'amount-too-precise .amount'],
    ['thousands marks', 'T1,"1,250.00",,', 'amount-malformed .amount'],
    ['nothing', 'T1,0,,', 'amount-not-positive .amount'],
    ['a negative amount', 'T1,-5,,', 'amount-not-positive .amount'],
    ['no amount', 'T1,,,', 'amount-malformed .amount'],
    ['two currencies at once', 'T1,UGX 5,,', 'accepted'],
    ['nobody', ',5,,', 'line-without-key '],
  ];
  for (const [what, line, wanted] of DAMAGED) {
    it(`refuses ${what}, naming the line`, () => {
      const found = refusal(() => csv(`key,amount,account,text\nT0,1,,\n${line}`));
      const [code, field] = wanted.split(' ') as [string, string?];
      expect(found).to.equal(
        code === 'accepted' ? 'accepted' : `${code} content.line[3]${field ?? ''}`,
      );
    });
  }

  it('refuses a status, a day, a header and a row that it does not understand', () => {
    expect(refusal(() => csv('key,amount,status\nT1,1,maybe'))).to.equal(
      'status-unknown content.line[2].status',
    );
    expect(refusal(() => csv('key,amount,date\nT1,1,03/04/2026'))).to.equal(
      'day-malformed content.line[2].day',
    );
    expect(refusal(() => csv('key,amount,date\nT1,1,2026-02-30'))).to.equal(
      'day-malformed content.line[2].day',
    );
    expect(refusal(() => csv('key,Amount,amount\nT1,1,1'))).to.equal(
      'column-duplicate content.line[1]',
    );
    expect(refusal(() => csv('key,sum\nT1,1'))).to.equal('column-missing content.line[1]');
    expect(refusal(() => csv('key,amount\nT1,1,2'))).to.equal('csv-malformed content.line[2]');
    expect(refusal(() => csvFormat.read(Buffer.from([0xff, 0xfe]), options()))).to.equal(
      'not-utf8 content',
    );
  });

  it('takes a decimal comma only when told so', () => {
    const text = 'key;amount\nT1;12,50';
    expect(refusal(() => csv(text))).to.equal('amount-malformed content.line[2].amount');
    expect(csv(text, options({}, { decimalMark: ',' })).lines[0]!.amountMinor).to.equal(1250n);
  });

  it('points into JSON by paths that cannot run anything', () => {
    const how = options({ lines: '$.data.items[*]', key: '$.ref', amount: '$.value.amount' });
    const json = '{"data":{"items":[{"ref":"T1","value":{"amount":10.0000}}]}}';
    expect(jsonFormat.read(Buffer.from(json), how).lines).to.have.length(1);
    for (const path of ['$[?(@.a>1)]', '$[(1+1)]', '$..[?(process.exit())]']) {
      const bad = options({ lines: path, key: '$.ref', amount: '$.a' });
      expect(refusal(() => jsonFormat.read(Buffer.from('[]'), bad))).to.equal(
        'path-malformed mapping',
      );
    }
    const many = options({ key: '$..ref', amount: '$.a' });
    const twice = '[{"ref":"T1","in":{"ref":"T2"},"a":1}]';
    expect(refusal(() => jsonFormat.read(Buffer.from(twice), many))).to.equal(
      'value-not-single content.line[1].key',
    );
    const large = '[{"ref":"T1","a":2.5E+3}]';
    const plain = options({ key: '$.ref', amount: '$.a' });
    expect(refusal(() => jsonFormat.read(Buffer.from(large), plain))).to.equal(
      'scientific-notation content.line[1].amount',
    );
    expect(refusal(() => jsonFormat.read(Buffer.from('{'), plain))).to.equal('not-json content');
    expect(refusal(() => jsonFormat.read(Buffer.from('[]'), options()))).to.equal(
      'mapping-missing mapping',
    );
  });

  it('refuses the same payment twice in one file, and tells a payment made twice apart', () => {
    const check = (...rows: string[]) =>
      refusal(() => checkStatement(csv(['key,receipt,amount,status', ...rows].join('\n'))));
    expect(check('T1,R1,5,paid', 'T2,R2,5,paid', 'T1,R1,5,paid')).to.equal(
      'duplicate-line content.line[4]',
    );
    expect(check('T1,,5,paid', 'T1,,5,paid')).to.equal('duplicate-line content.line[3]');
    expect(check('T1,R1,5,paid', 'T2,R1,5,paid')).to.equal('duplicate-line content.line[3]');
    expect(check('T1,R1,5,paid', 'T1,R2,5,paid')).to.equal('accepted');
    expect(check('T1,R1,5,paid', 'T1,R1,5,failed')).to.equal('accepted');
    expect(check()).to.equal('statement-empty content');
  });
});

/**
 * Paying by files: what goes to the bank stands in one file, once, in one form; what comes back as
 * pain.002 and camt.053 decides, order by order; what a bank leaves out stays unknown.
 */

import { expect } from 'chai';
import { XMLParser } from 'fast-xml-parser';
import { after, before, describe, it } from 'mocha';
import { readCamt053 } from '../../modules/adapters/bank-file/camt053.ts';
import { bankFileAdapter } from '../../modules/adapters/bank-file/index.ts';
import { readPain002 } from '../../modules/adapters/bank-file/pain002.ts';
import { callbackSecret } from '../../modules/disbursement/index.ts';
import { formatAmount, Problem } from '../../src/sdk/index.ts';
import { type Desk, openDesk } from '../modules/support/orders.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';
import { describeProviderContract } from './provider-contract.ts';

interface Told {
  readonly key: string;
  readonly status: string;
  readonly reason?: string;
  readonly amount?: string;
}

function pain002(messageId: string, told: readonly Told[], group = ''): string {
  const transactions = told.map(
    ({ key, status, reason, amount }) =>
      `<TxInfAndSts><OrgnlEndToEndId>${key}</OrgnlEndToEndId><TxSts>${status}</TxSts>${
        reason ? `<StsRsnInf><Rsn><Cd>${reason}</Cd></Rsn></StsRsnInf>` : ''
      }${
        amount ? `<OrgnlTxRef><Amt><InstdAmt Ccy="KES">${amount}</InstdAmt></Amt></OrgnlTxRef>` : ''
      }</TxInfAndSts>`,
  );
  return `<?xml version="1.0"?>
<p:Document xmlns:p="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><p:CstmrPmtStsRpt>
<OrgnlGrpInfAndSts><OrgnlMsgId>${messageId}</OrgnlMsgId>${group}</OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>${messageId}-1</OrgnlPmtInfId>${transactions.join('\n')}</OrgnlPmtInfAndSts>
</p:CstmrPmtStsRpt></p:Document>`;
}

interface Booked {
  readonly key?: string;
  readonly amount: string;
  readonly sign?: 'DBIT' | 'CRDT';
  readonly reference: string;
  readonly status?: string;
  readonly returned?: string;
}

function camt053(id: string, entries: readonly Booked[], count = entries.length): string {
  const rows = entries.map(
    (
      each,
    ) => `<Ntry><Amt Ccy="KES">${each.amount}</Amt><CdtDbtInd>${each.sign ?? 'DBIT'}</CdtDbtInd>
 <Sts><Cd>${each.status ?? 'BOOK'}</Cd></Sts><BookgDt><Dt>2026-01-15</Dt></BookgDt>
 <AcctSvcrRef>${each.reference}</AcctSvcrRef>
 <NtryDtls><TxDtls><Refs><EndToEndId>${each.key ?? 'NOTPROVIDED'}</EndToEndId></Refs>
 ${each.returned ? `<RtrInf><Rsn><Cd>${each.returned}</Cd></Rsn></RtrInf>` : ''}</TxDtls></NtryDtls></Ntry>`,
  );
  return `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>${id}</Id>
<FrToDt><FrDtTm>2026-01-15T00:00:00</FrDtTm><ToDtTm>2026-01-15T23:59:59</ToDtTm></FrToDt>
<TxsSummry><TtlNtries><NbOfNtries>${count}</NbOfNtries></TtlNtries></TxsSummry>
${rows.join('\n')}</Stmt></BkToCstmrStmt></Document>`;
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem) return error.issues[0]!.code ?? '';
    throw error;
  }
  return 'accepted';
}

describe('a bank that is paid through by file', () => {
  let house: TestHouse;
  let desk: Desk;
  let officer: string;
  before(async () => {
    house = await startTestHouse({
      environment: {
        BANK_FILE_DEBTOR_NAME: 'Ministry',
        BANK_FILE_DEBTOR_ACCOUNT: 'DE89370400440532013000',
        CALLBACK_SECRET: 'a secret of more than thirty-two characters',
      },
    });
    desk = await openDesk(house, 'bank-file', 'bank', 'bank');
    officer = await house.tokenFor('finance-officer');
  });
  after(() => house?.stop());

  const newest = async () => {
    const answer = await house.fetch('Organization/bank/$payment-files', { token: officer });
    const parts = answer.json.parameter[0].part as { name: string; valueString: string }[];
    return Object.fromEntries(parts.map((part) => [part.name, part.valueString]));
  };
  const take = (file: string, format: string, token = officer) =>
    desk.call(
      'payment-file',
      [
        { name: 'file', valueString: file },
        { name: 'format', valueCode: format },
      ],
      token,
    );
  const report = (text: string) =>
    desk.call('upload-status-report', [{ name: 'content', valueString: text }], officer);
  const statement = (text: string) =>
    desk.call(
      'upload-statement',
      [
        { name: 'format', valueCode: 'camt.053' },
        { name: 'content', valueBase64Binary: Buffer.from(text).toString('base64') },
      ],
      officer,
    );

  it('gets each order once, in the file that was written when it was sent', async () => {
    const orders = await desk.send([150000n, 99n, 250050n]);
    expect(orders.map((each) => each.state)).to.deep.equal(['sent', 'sent', 'sent']);
    const { id } = await newest();
    const clerk = await house.tokenFor('payroll-officer');
    expect((await take(id!, 'pain.001', clerk)).status).to.equal(403);
    const answer = await take(id!, 'pain.001');
    expect(answer.status, answer.text).to.equal(200);
    expect(answer.headers.get('content-type')).to.include('application/xml');
    const parsed = new XMLParser({ ignoreAttributes: false, parseTagValue: false }).parse(
      answer.text,
    );
    const { GrpHdr, PmtInf } = parsed.Document.CstmrCdtTrfInitn;
    expect(GrpHdr.NbOfTxs).to.equal('3');
    expect(GrpHdr.CtrlSum).to.equal('4001.49');
    expect(PmtInf.DbtrAcct.Id.IBAN).to.equal('DE89370400440532013000');
    expect(PmtInf.ReqdExctnDt.Dt).to.equal('2026-01-15');
    const keys = PmtInf.CdtTrfTxInf.map(
      (each: { PmtId: { EndToEndId: string } }) => each.PmtId.EndToEndId,
    );
    expect(keys).to.deep.equal(orders.map((each) => each.key));
    expect(PmtInf.CdtTrfTxInf[1].Amt.InstdAmt).to.deep.equal({ '#text': '0.99', '@_Ccy': 'KES' });
    expect((await take(id!, 'pain.001')).text).to.equal(answer.text);
    expect((await take(id!, 'csv')).json.issue[0].details.coding[0].code).to.equal('file-taken');
    expect((await take(crypto.randomUUID(), 'csv')).status).to.equal(404);
  });

  it('cannot be asked, and its orders stay sent when somebody tries', async () => {
    const [order] = await desk.send([100n]);
    const answer = await house.fetch(`ClaimResponse/${order!.id}/$enquire`, {
      body: { resourceType: 'Parameters', parameter: [] },
    });
    expect(answer.json.issue[0].details.coding[0].code).to.equal('cannot-enquire');
    await desk.enquire(90);
    expect((await desk.look(order!.key))[0]!.state).to.equal('sent');
  });

  it('gives the same orders as CSV', async () => {
    const [order] = await desk.send([100000n]);
    const { id } = await newest();
    const { text } = await take(id!, 'csv');
    expect(text.split('\r\n')[1]).to.equal(
      `${order!.key},bank,${order!.account},1000.00,KES,2026-01-15`,
    );
  });

  it('decides order by order by its pain.002, and once by the same report', async () => {
    const orders = await desk.send([1000n, 1001n, 1002n, 1003n, 1004n]);
    const { message } = await newest();
    const [paid, settled, closed, twice] = orders.map((each) => each.key);
    const text = pain002(message!, [
      { key: paid!, status: 'ACCC' },
      { key: settled!, status: 'ACSC' },
      { key: closed!, status: 'RJCT', reason: 'AC04' },
      { key: twice!, status: 'RJCT', reason: 'AM05' },
    ]);
    const answer = await report(text);
    expect(answer.status, answer.text).to.equal(200);
    const after = await desk.look(...orders.map((each) => each.key));
    expect(after.map((each) => [each.state, each.reason])).to.deep.equal([
      ['paid', null],
      ['sent', null],
      ['not-paid', 'recipient_blocked'],
      ['unknown', null],
      ['sent', null],
    ]);
    expect((await report(text)).json.parameter[0].valueBoolean).to.equal(true);
    await desk.enquire(2 * 24 * 3600);
    const later = await desk.look(orders[4]!.key);
    expect(later[0]!.state, 'a bank has days to answer').to.equal('sent');
    await desk.enquire(24 * 3600 + 60);
    const last = await desk.look(orders[4]!.key);
    expect(last[0]!.state, 'no answer').to.equal('unknown');
    expect(await desk.faults()).to.deep.equal([]);
  });

  it('rejects a whole file or a block at once', async () => {
    const orders = await desk.send([2000n, 2001n]);
    const { message } = await newest();
    const status = `<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>MS03</Cd></Rsn></StsRsnInf>`;
    const answer = await report(pain002(message!, [], status));
    expect(answer.json.parameter[2].valueInteger, answer.text).to.equal(2);
    const after = await desk.look(...orders.map((each) => each.key));
    expect(after.map((each) => each.reason)).to.deep.equal(['refused', 'refused']);
  });

  it('proves by its camt.053 what was paid and what came back', async () => {
    const orders = await desk.send([3000n, 3001n, 3002n]);
    const [paid, back, pending] = orders.map((each) => each.key);
    const answer = await statement(
      camt053('S1', [
        { key: paid!, amount: '30.00', reference: 'B1' },
        { key: back!, amount: '30.01', sign: 'CRDT', reference: 'B2', returned: 'AC01' },
        { key: pending!, amount: '30.02', reference: 'B3', status: 'PDNG' },
        { amount: '5.00', reference: 'FEE' },
        { amount: '90000.00', sign: 'CRDT', reference: 'FUNDING' },
      ]),
    );
    expect(answer.status, answer.text).to.equal(200);
    const after = await desk.look(...orders.map((each) => each.key));
    expect(after.map((each) => each.state)).to.deep.equal(['paid', 'not-paid', 'sent']);
    expect(after[1]!.reason).to.equal('recipient_invalid');
    expect(after[0]!.reference).to.equal('B1');
    expect(answer.text).to.include('unmatched');
    expect(await desk.faults()).to.deep.equal([]);
  });

  it('may post its report to the callback path, with the secret only', async () => {
    const [order] = await desk.send([4000n]);
    const { message } = await newest();
    const body = pain002(message!, [{ key: order!.key, status: 'ACCC' }]);
    const secret = await desk.inside(async (ctx) => callbackSecret(ctx, 'bank'));
    const post = (path: string) =>
      fetch(`${house.house.url}/callbacks/bank/${path}`, { method: 'POST', body });
    expect((await post('guessed')).status).to.equal(404);
    await house.settle();
    expect((await desk.look(order!.key))[0]!.state).to.equal('sent');
    expect((await post(secret)).status).to.equal(200);
    expect((await post(secret)).status).to.equal(200);
    await house.settle();
    expect((await desk.look(order!.key))[0]!.state).to.equal('paid');
  });

  it('refuses what is not such a file, and says what is wrong', () => {
    const pain = (text: string) => refusal(() => readPain002(Buffer.from(text)));
    const camt = (text: string) => refusal(() => readCamt053(Buffer.from(text)));
    expect(pain('<a>')).to.equal('xml-malformed');
    expect(pain('{}')).to.equal('xml-malformed');
    expect(pain('<Document/>')).to.equal('xml-unexpected');
    expect(pain('<!DOCTYPE a [<!ENTITY b "c">]><Document/>')).to.equal('xml-doctype');
    expect(camt(pain002('m', []))).to.equal('xml-unexpected');
    expect(camt(camt053('S', [{ amount: '1.00', reference: 'a' }], 2))).to.equal('control-totals');
    expect(camt(camt053('S', [{ amount: '1.001', reference: 'a' }]))).to.equal(
      'amount-too-precise',
    );
    expect(camt(camt053('S', [{ amount: '0', reference: 'a' }]))).to.equal('amount-not-positive');
    expect(
      camt(camt053('S', [{ amount: '1', reference: 'a' }]).replaceAll(/<Amt.*?<\/Amt>/g, '')),
    ).to.equal('camt-amount');
  });

  it('is not given what a file cannot carry', async () => {
    const [order] = await desk.order([5000n]);
    await desk.rows(
      'update instruction set account_number = $2 where disbursement_transaction_number(key) = $1',
      [order!.key, '=cmd|calc'],
    );
    await house.settle();
    const [after] = await desk.look(order!.key);
    expect([after!.state, after!.reason]).to.deep.equal(['not-paid', 'recipient_invalid']);
  });
});

describeProviderContract('the bank file', {
  adapter: bankFileAdapter,
  accountKind: 'bank',
  callback: (key, result, minor) =>
    pain002('m', [
      {
        key,
        status: result === 'paid' ? 'ACCC' : 'RJCT',
        amount: formatAmount({ minor, currency: 'KES' }),
      },
    ]),
});

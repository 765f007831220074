/**
 * Reads pain.002, the bank's report on what it was sent. Pure.
 *
 * ACCC is paid. ACSC says that our account was debited, not that the recipient's was credited, so it
 * proves nothing yet, like every earlier status; the statement will tell. RJCT is not paid, but a
 * rejection as a duplicate leaves open what became of the first one.
 *
 * Spec: ISO 20022 pain.002.001.10, ExternalPaymentTransactionStatus1Code.
 */

import { Problem, parseAmount, problem } from '../../../src/sdk/index.ts';
import type { Outcome } from '../../disbursement/index.ts';
import { DUPLICATES, reasonOf } from './reasons.ts';
import { child, children, parseXml, textAt, type Xml } from './xml.ts';

/** What a report says of a whole message, a block, or one order. */
export interface StatusReport {
  /** Our message that is reported on. */
  readonly messageId: string | undefined;
  /** What holds for every order of the message. */
  readonly group: Verdict | undefined;
  /** What holds for every order of a block, by PmtInfId. */
  readonly blocks: ReadonlyMap<string, Verdict>;
  readonly outcomes: readonly Outcome[];
}

/** A status with its reason, not yet tied to an order. */
export type Verdict = Omit<Outcome, 'key'>;

/** @throws Problem xml-malformed, xml-unexpected, report-without-key */
export function readPain002(content: Buffer): StatusReport {
  const report = child(parseXml(content), 'Document', 'CstmrPmtStsRpt');
  if (report === undefined) {
    throw problem(
      'structure',
      'xml-unexpected',
      'The file is no pain.002 (Document/CstmrPmtStsRpt).',
      'content',
    );
  }
  const group = child(report, 'OrgnlGrpInfAndSts');
  const payments = children(report, 'OrgnlPmtInfAndSts');
  return {
    messageId: textAt(group, 'OrgnlMsgId'),
    group: verdictOf(group, 'GrpSts'),
    blocks: new Map(
      payments.flatMap((payment) => {
        const id = textAt(payment, 'OrgnlPmtInfId');
        const verdict = verdictOf(payment, 'PmtInfSts');
        return id && verdict ? [[id, verdict] as const] : [];
      }),
    ),
    outcomes: payments
      .flatMap((payment) => children(payment, 'TxInfAndSts'))
      .flatMap((transaction, index) => outcomeOf(transaction, index)),
  };
}

function outcomeOf(transaction: Xml, index: number): Outcome[] {
  const key = textAt(transaction, 'OrgnlEndToEndId') ?? textAt(transaction, 'OrgnlInstrId');
  if (!key) {
    throw problem(
      'value',
      'report-without-key',
      `Transaction ${index + 1} of the report has no OrgnlEndToEndId.`,
      `content.TxInfAndSts[${index}]`,
    );
  }
  const verdict = verdictOf(transaction, 'TxSts');
  if (!verdict) return [];
  const reference = textAt(transaction, 'AcctSvcrRef');
  return [
    {
      key: key.slice(0, 100),
      ...verdict,
      ...(reference && { providerReference: reference }),
      ...amountOf(transaction, index),
    },
  ];
}

function amountOf(transaction: Xml, index: number): Partial<Outcome> {
  const amount = child(transaction, 'OrgnlTxRef', 'Amt', 'InstdAmt');
  const text = textAt(amount);
  const currency = typeof amount === 'object' ? amount['@Ccy'] : undefined;
  if (text === undefined || typeof currency !== 'string') return {};
  try {
    return { amountMinor: parseAmount(text, currency).minor, currency };
  } catch (error) {
    if (error instanceof Problem) throw error.within(`content.TxInfAndSts[${index}]`);
    throw error;
  }
}

function verdictOf(node: Xml | undefined, name: string): Verdict | undefined {
  const status = textAt(node, name);
  if (status === undefined) return undefined;
  const code = textAt(node, 'StsRsnInf', 'Rsn', 'Cd') ?? textAt(node, 'StsRsnInf', 'Rsn', 'Prtry');
  const said = textAt(node, 'StsRsnInf', 'AddtlInf');
  const text = [status, code, said].filter(Boolean).join(' ').slice(0, 300);
  if (status === 'ACCC') return { result: 'paid', text };
  if (status === 'RJCT' && code !== undefined && DUPLICATES.has(code)) {
    return { result: 'unknown', text };
  }
  if (status === 'RJCT') return { result: 'not-paid', reason: reasonOf(code), text };
  if (status === 'CANC') return { result: 'not-paid', reason: 'refused', text };
  return { result: 'accepted', text };
}

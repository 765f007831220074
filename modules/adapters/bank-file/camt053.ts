/**
 * Reads camt.053, the statement of the account from which we pay. Pure.
 *
 * A booked debit is a payment; a booked credit that bears our EndToEndId, or says that it is a
 * return or a reversal, is one that came back. Other credits (funding) are none of ours. Entries that
 * are not booked say nothing yet.
 *
 * Spec: ISO 20022 camt.053.001.08 (and .02, which differs in Ntry/Sts).
 */

import { Problem, parseAmount, problem } from '../../../src/sdk/index.ts';
import { isTransactionNumber } from '../../disbursement/index.ts';
import {
  type ParsedStatement,
  readAccount,
  type StatementFormat,
  type StatementLine,
} from '../../reconciliation/index.ts';
import { reasonOf } from './reasons.ts';
import { child, children, parseXml, textAt, type Xml } from './xml.ts';

/** @throws Problem xml-malformed, xml-unexpected, control-totals, camt-amount, amount-too-precise */
export function readCamt053(content: Buffer): ParsedStatement {
  const statements = children(child(parseXml(content), 'Document', 'BkToCstmrStmt'), 'Stmt');
  const [statement] = statements;
  if (statement === undefined || statements.length > 1) {
    throw problem(
      'structure',
      'xml-unexpected',
      'The file is no camt.053 with one statement (Document/BkToCstmrStmt/Stmt).',
      'content',
    );
  }
  const entries = children(statement, 'Ntry');
  const declared = textAt(statement, 'TxsSummry', 'TtlNtries', 'NbOfNtries');
  if (declared !== undefined && Number(declared) !== entries.length) {
    throw problem(
      'business-rule',
      'control-totals',
      `The statement declares ${declared.slice(0, 20)} entries and has ${entries.length}; get it whole.`,
      'content.Stmt.TxsSummry',
    );
  }
  const identifier = textAt(statement, 'Id');
  const period = periodOf(statement);
  return {
    lines: entries.flatMap(linesOf).map((line, index) => ({ ...line, number: index + 1 })),
    ...(identifier && { identifier }),
    ...(period && { period }),
  };
}

/** Whole days only: a statement of part of a day does not claim to be complete. */
function periodOf(statement: Xml): ParsedStatement['period'] {
  const from = textAt(statement, 'FrToDt', 'FrDtTm') ?? '';
  const to = textAt(statement, 'FrToDt', 'ToDtTm') ?? '';
  const whole =
    /^\d{4}-\d\d-\d\dT00:00(:00)?/.test(from) && /^\d{4}-\d\d-\d\dT23:59/.test(to) && from < to;
  return whole ? { startsOn: from.slice(0, 10), endsOn: to.slice(0, 10) } : undefined;
}

function linesOf(entry: Xml, index: number): Omit<StatementLine, 'number'>[] {
  const status = textAt(entry, 'Sts', 'Cd') ?? textAt(entry, 'Sts');
  if (status !== 'BOOK') return [];
  const details = children(entry, 'NtryDtls').flatMap((each) => children(each, 'TxDtls'));
  if (details.length === 0) return lineOf(entry, undefined, true, index);
  return details.flatMap((each) => lineOf(entry, each, details.length === 1, index));
}

function lineOf(
  entry: Xml,
  detail: Xml | undefined,
  alone: boolean,
  index: number,
): Omit<StatementLine, 'number'>[] {
  const direction = textAt(detail, 'CdtDbtInd') ?? textAt(entry, 'CdtDbtInd');
  const reversal = textAt(entry, 'RvslInd') === 'true';
  const given = textAt(detail, 'Refs', 'EndToEndId');
  const key = given === 'NOTPROVIDED' ? undefined : given;
  const returned = reversal || child(detail, 'RtrInf') !== undefined;
  const ours = returned || (key !== undefined && isTransactionNumber(key));
  if (direction === 'DBIT' ? reversal : !ours) return [];
  const reference =
    textAt(detail, 'Refs', 'AcctSvcrRef') ??
    (alone ? textAt(entry, 'AcctSvcrRef') : undefined) ??
    textAt(detail, 'Refs', 'TxId');
  const day = (
    textAt(entry, 'BookgDt', 'Dt') ??
    textAt(entry, 'BookgDt', 'DtTm') ??
    textAt(entry, 'ValDt', 'Dt')
  )?.slice(0, 10);
  return [
    {
      ...(key && { key: key.slice(0, 100) }),
      ...(reference && { reference: reference.slice(0, 100) }),
      ...amountOf(entry, detail, alone, index),
      ...(day && /^\d{4}-\d\d-\d\d$/.test(day) && { day }),
      ...(direction === 'DBIT' ? paid(detail) : cameBack(detail)),
    },
  ];
}

function paid(detail: Xml | undefined): Pick<StatementLine, 'result' | 'account'> {
  const id = child(detail, 'RltdPties', 'CdtrAcct', 'Id');
  const account = readAccount(textAt(id, 'IBAN') ?? textAt(id, 'Othr', 'Id'));
  return { result: 'paid', ...(account && { account }) };
}

/** A credit entry is a payment that came back, in whole or in part. */
function cameBack(detail: Xml | undefined): Pick<StatementLine, 'result' | 'reason' | 'text'> {
  const code = textAt(detail, 'RtrInf', 'Rsn', 'Cd');
  const text = [code, textAt(detail, 'RtrInf', 'AddtlInf')].filter(Boolean).join(' ');
  return {
    result: 'returned',
    reason: reasonOf(code),
    ...(text && { text: text.slice(0, 300) }),
  };
}

function amountOf(
  entry: Xml,
  detail: Xml | undefined,
  alone: boolean,
  index: number,
): Pick<StatementLine, 'amountMinor' | 'currency'> {
  const node =
    child(detail, 'Amt') ??
    child(detail, 'AmtDtls', 'TxAmt', 'Amt') ??
    (alone ? child(entry, 'Amt') : undefined);
  const place = `content.Stmt.Ntry[${index}]`;
  const currency = typeof node === 'object' ? node['@Ccy'] : undefined;
  const text = textAt(node);
  if (text === undefined || typeof currency !== 'string') {
    throw problem(
      'value',
      'camt-amount',
      `Entry ${index + 1}: a transaction has no amount of its own; ask the bank for single amounts.`,
      place,
    );
  }
  try {
    const { minor } = parseAmount(text, currency);
    if (minor > 0n) return { amountMinor: minor, currency };
  } catch (error) {
    if (error instanceof Problem) throw error.within(place);
    throw error;
  }
  throw problem(
    'value',
    'amount-not-positive',
    `Entry ${index + 1}: ${text} is not above zero.`,
    place,
  );
}

/** camt.053 as a form of statements. */
export const camt053Format: StatementFormat = { format: 'camt.053', read: readCamt053 };

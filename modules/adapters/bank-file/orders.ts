/**
 * Writes orders as files: ISO 20022 pain.001.001.09 and CSV. Pure. The transaction number is the
 * EndToEndId, which the bank gives back in its reports and statements. No names are sent.
 *
 * Spec: ISO 20022 pain.001.001.09; RFC 4180.
 */

import { stringify } from 'csv-stringify/sync';
import { XMLBuilder } from 'fast-xml-parser';
import { formatAmount } from '../../../src/sdk/index.ts';
import type { OrderToPay } from '../../disbursement/index.ts';
import { accountOf, isIban } from './accounts.ts';

const NAMESPACE = 'urn:iso:std:iso:20022:tech:xsd:pain.001.001.09';

/** Who pays. */
export interface Debtor {
  readonly name: string;
  readonly account: string;
  readonly bic: string;
}

/** Orders of one currency and one day of execution. */
export interface PaymentBlock {
  /** From 1; PaymentInformationIdentification is `<message>-<number>`. */
  readonly number: number;
  readonly currency: string;
  readonly executeOn: string;
  readonly orders: readonly OrderToPay[];
}

/** Groups orders into blocks. What was due before `today` is executed today. */
export function blocksOf(orders: readonly OrderToPay[], today: string): PaymentBlock[] {
  const groups = Map.groupBy(
    orders,
    (order) => `${order.currency} ${order.valueOn > today ? order.valueOn : today}`,
  );
  return [...groups].sort().map(([name, members], index) => {
    const [currency = '', executeOn = ''] = name.split(' ');
    return { number: index + 1, currency, executeOn, orders: members };
  });
}

function sumOf({ orders, currency }: PaymentBlock): string {
  const minor = orders.reduce((sum, order) => sum + order.amountMinor, 0n);
  return formatAmount({ minor, currency });
}

const builder = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  format: true,
  indentBy: ' ',
});

/** The orders as pain.001.001.09. `messageId` has at most 32 characters. */
export function writePain001(
  messageId: string,
  now: Date,
  debtor: Debtor,
  blocks: readonly PaymentBlock[],
): string {
  const [first] = blocks;
  const count = blocks.reduce((sum, block) => sum + block.orders.length, 0);
  const document = {
    Document: {
      '@xmlns': NAMESPACE,
      CstmrCdtTrfInitn: {
        GrpHdr: {
          MsgId: messageId,
          CreDtTm: now.toISOString(),
          NbOfTxs: count,
          ...(first && blocks.length === 1 && { CtrlSum: sumOf(first) }),
          InitgPty: { Nm: debtor.name },
        },
        PmtInf: blocks.map((block) => paymentInformation(messageId, debtor, block)),
      },
    },
  };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build(document)}`;
}

function paymentInformation(messageId: string, debtor: Debtor, block: PaymentBlock) {
  return {
    PmtInfId: `${messageId}-${block.number}`,
    PmtMtd: 'TRF',
    NbOfTxs: block.orders.length,
    CtrlSum: sumOf(block),
    ReqdExctnDt: { Dt: block.executeOn },
    Dbtr: { Nm: debtor.name },
    DbtrAcct: { Id: accountId(debtor.account) },
    DbtrAgt: {
      FinInstnId: debtor.bic ? { BICFI: debtor.bic } : { Othr: { Id: 'NOTPROVIDED' } },
    },
    CdtTrfTxInf: block.orders.map((order) => ({
      PmtId: { InstrId: order.key, EndToEndId: order.key },
      Amt: {
        InstdAmt: {
          '@Ccy': order.currency,
          '#text': formatAmount({ minor: order.amountMinor, currency: order.currency }),
        },
      },
      CdtrAcct: {
        Id: accountId(accountOf(order), order.accountKind === 'mobile' ? 'MSISDN' : undefined),
      },
    })),
  };
}

function accountId(account: string, scheme?: string) {
  if (isIban(account)) return { IBAN: account };
  return { Othr: { Id: account, ...(scheme && { SchmeNm: { Prtry: scheme } }) } };
}

/** The orders as CSV with a header, amounts with all their decimals. */
export function writeCsv(blocks: readonly PaymentBlock[]): string {
  const rows = blocks.flatMap(({ orders, executeOn }) =>
    orders.map((order) => [
      order.key,
      order.accountKind,
      accountOf(order),
      formatAmount({ minor: order.amountMinor, currency: order.currency }),
      order.currency,
      executeOn,
    ]),
  );
  return stringify(rows, {
    header: true,
    record_delimiter: 'windows',
    columns: [
      'transaction_number',
      'account_kind',
      'account_number',
      'amount',
      'currency',
      'execute_on',
    ],
  });
}

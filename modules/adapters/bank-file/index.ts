/**
 * Bank file: pays by files that people take to a bank (pain.001 or CSV), and learns from what they
 * bring back: pain.002 reports and camt.053 statements. Rows that a bank leaves out stay unknown.
 */

import { contribute, dayOf, type Module, setting } from '../../../src/sdk/index.ts';
import {
  type Outcome,
  type PaymentProviderAdapter,
  paymentProvider,
} from '../../disbursement/index.ts';
import { statementFormat } from '../../reconciliation/index.ts';
import { isPayable } from './accounts.ts';
import { camt053Format } from './camt053.ts';
import { EXCHANGE, operations } from './operations.ts';
import { blocksOf, writeCsv, writePain001 } from './orders.ts';
import { readPain002 } from './pain002.ts';
import { insertFile } from './store.ts';

const plain = (text: string): string => text;

/** Name of the payer on payment files. */
export const DEBTOR_NAME = setting({
  name: 'BANK_FILE_DEBTOR_NAME',
  means: 'Name of the payer on payment files.',
  default: 'Amana',
  parse: (text) => text.slice(0, 140),
});

/** Account from which banks pay. */
export const DEBTOR_ACCOUNT = setting({
  name: 'BANK_FILE_DEBTOR_ACCOUNT',
  means: 'Account from which banks pay; unset: payment files are CSV only.',
  default: '',
  defaultText: 'none',
  parse: (text) => {
    if (!/^[0-9A-Za-z]{1,34}$/.test(text)) throw new Error('must be 1 to 34 letters and digits');
    return text;
  },
});

/** Bank that holds the account. */
export const DEBTOR_BIC = setting({
  name: 'BANK_FILE_DEBTOR_BIC',
  means: 'BIC of the bank that holds the paying account.',
  default: '',
  defaultText: 'none',
  parse: plain,
});

const DAY_SECONDS = 86_400;

/** How long a bank may take to report on a file. */
export const ANSWER_DAYS = setting({
  name: 'BANK_FILE_ANSWER_DAYS',
  means:
    'Days after which an order in a payment file that no report or statement names is unknown.',
  default: 3,
  parse: (text) => {
    const days = Number(text);
    if (!Number.isInteger(days) || days < 1 || days > 60) throw new Error('must be 1 to 60');
    return days;
  },
});

/** The adapter. */
export const bankFileAdapter: PaymentProviderAdapter = {
  channel: 'bank-file',
  batchMax: 5000,
  // A bank refuses a file whose MsgId it has had; the same order is never written twice.
  refusesRepeatedKeys: true,
  answersWithinSeconds: (ctx) => ctx.setting(ANSWER_DAYS) * DAY_SECONDS,
  async prepare(ctx, orders, { providerId }) {
    const payable = orders.filter(isPayable);
    if (payable.length === 0) return undefined;
    const fileId = ctx.newId();
    const messageId = fileId.replaceAll('-', '');
    const blocks = blocksOf(payable, dayOf(ctx.now, 'UTC'));
    const debtor = {
      name: ctx.setting(DEBTOR_NAME),
      account: ctx.setting(DEBTOR_ACCOUNT),
      bic: ctx.setting(DEBTOR_BIC),
    };
    const pain001 = debtor.account ? writePain001(messageId, ctx.now, debtor, blocks) : null;
    const csv = writeCsv(blocks);
    await insertFile(ctx, { fileId, providerId, messageId, pain001, csv, blocks });
    return { keys: payable.map((order) => order.key), body: pain001 ?? csv };
  },
  send: async (orders) =>
    orders.map(
      (order): Outcome =>
        isPayable(order)
          ? { key: order.key, result: 'accepted' }
          : {
              key: order.key,
              result: 'not-paid',
              reason: 'recipient_invalid',
              text: 'no account that a payment file can carry',
            },
    ),
  parseCallback: (body) => readPain002(body).outcomes,
};

/** The adapter as a module. */
export const bankFile: Module = {
  name: 'bank-file',
  title: 'Payment files for banks',
  dependsOn: ['disbursement', 'reconciliation'],
  settings: [DEBTOR_NAME, DEBTOR_ACCOUNT, DEBTOR_BIC, ANSWER_DAYS],
  permissions: [EXCHANGE],
  contributes: [
    contribute(paymentProvider, bankFileAdapter),
    contribute(statementFormat, camt053Format),
  ],
  operations,
};

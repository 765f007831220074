/**
 * Accounts as payment files carry them, and which orders a file can carry at all. Pure.
 *
 * Spec: ISO 13616 (IBAN); ISO 20022 GenericAccountIdentification1 (34 characters).
 */

import type { OrderToPay } from '../../disbursement/index.ts';

/** The account of an order without blanks; telephone numbers without the plus. */
export function accountOf(order: OrderToPay): string {
  const text = (order.accountNumber ?? '').replaceAll(/\s/g, '');
  return order.accountKind === 'mobile' ? text.replace(/^\+/, '') : text;
}

/** True when a file can carry the order: an account of letters, digits and few signs. */
export function isPayable(order: OrderToPay): boolean {
  return order.accountKind !== 'cash' && /^[0-9A-Za-z][0-9A-Za-z./-]{0,33}$/.test(accountOf(order));
}

/** True for an IBAN whose check digits fit. */
export function isIban(text: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) return false;
  const digits = [...(text.slice(4) + text.slice(0, 4))].map((char) => Number.parseInt(char, 36));
  return BigInt(digits.join('')) % 97n === 1n;
}

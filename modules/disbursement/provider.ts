/**
 * The extension point for payment providers: what an adapter must say and do. Every adapter passes
 * the same contract tests (`test/adapters/provider-contract.ts`).
 */

import { type Context, extensionPoint, type Units } from '../../src/sdk/index.ts';
import type { Outcome } from './instruction.ts';

/** An instruction as an adapter gets it: what the provider needs, and no more. */
export interface OrderToPay {
  /** The key: the transaction number. The same for every try of this order. */
  readonly key: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly accountKind: 'mobile' | 'bank' | 'cash';
  readonly accountNumber: string | null;
  readonly valueOn: string;
}

/** Which registered provider is spoken to. */
export interface ProviderConfig {
  readonly providerId: bigint;
  readonly name: string;
}

/**
 * One outside party. `units` opens units of work for the adapter's own records. The adapter throws nothing for what the outside does: every doubt is an
 * outcome. What it throws is a bug, and makes the whole batch unknown.
 */
export interface PaymentProviderAdapter {
  /** Name by which a provider's channel selects it. */
  readonly channel: string;
  /** Orders in one call at most. */
  readonly batchMax: number;
  /** Orders a second at most; undefined: no limit. */
  readonly ratePerSecond?: number;
  /** The provider refuses the same key twice, so that sending again under it is safe. */
  readonly refusesRepeatedKeys: boolean;
  /** Sends orders; answers one outcome each, in any order. What is left out is unknown. */
  send(
    orders: readonly OrderToPay[],
    config: ProviderConfig,
    units: Units,
  ): Promise<readonly Outcome[]>;
  /** Asks what became of keys; undefined when the provider cannot be asked. */
  enquire?(
    keys: readonly string[],
    config: ProviderConfig,
    units: Units,
  ): Promise<readonly Outcome[]>;
  /** Understands a callback; a Problem when it is not one. Nothing is applied here. */
  parseCallback?(body: Buffer, config: ProviderConfig): readonly Outcome[];
  /** Prepared inside the unit of work that marks the orders as sent, e.g. to write a file. */
  prepare?(ctx: Context, orders: readonly OrderToPay[], config: ProviderConfig): Promise<void>;
}

/** Adapters contribute themselves here. */
export const paymentProvider = extensionPoint<PaymentProviderAdapter>(
  'disbursement.payment-provider',
  'adapters of payment providers',
);

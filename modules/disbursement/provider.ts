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

/** What is about to be said to a provider, exactly. */
export interface Said {
  /** Transaction numbers that it is about. */
  readonly keys: readonly string[];
  /** Address, headers and body as they will leave; secrets are masked when it is kept. */
  readonly body: string;
  /** Values that must not be kept: passwords, tokens, keys. */
  readonly secrets?: readonly string[];
}

/** Keeps what is said to a provider and what it answers. */
export interface Wire {
  /**
   * Commits a request. Only when it has returned may the first byte of the request leave.
   *
   * @returns id of the request, for its answer
   * @throws SendingLapsed when this process may not send the batch any more; let it pass
   */
  request(said: Said): Promise<string>;
  /** Commits an answer as it was received. */
  answer(requestId: string, body: string, secrets?: readonly string[]): Promise<void>;
}

/** A provider, and the wire by which everything said to it is kept. */
export interface Conversation extends ProviderConfig {
  readonly wire: Wire;
}

/** Amounts that a provider pays in a currency, in minor units. */
export interface AmountLimits {
  readonly minMinor?: bigint;
  readonly maxMinor?: bigint;
  /** Amounts are multiples of this, e.g. 100 for whole units of a currency with two decimals. */
  readonly stepMinor?: bigint;
}

/** What a provider can pay; currencies that are not named are not paid. */
export type Capabilities = Readonly<Record<string, AmountLimits>>;

/**
 * One outside party. `units` opens units of work for the adapter's own records. The adapter throws
 * nothing for what the outside does: every doubt is an outcome. What it throws is a bug (or
 * SendingLapsed), and makes the whole batch unknown.
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
  /** Currencies and amounts that can be paid, by ISO 4217 code; undefined: all. */
  capabilities?(ctx: Context): Capabilities;
  /** Seconds after the end of sending until an order without an outcome is asked for; 60. */
  answersWithinSeconds?(ctx: Context): number;
  /**
   * Seconds after the end of sending from which "not found" proves that nothing was or will be
   * executed; undefined: it never proves that.
   */
  readonly notFoundFinalAfterSeconds?: number;
  /**
   * Sends orders; answers one outcome each, in any order. What is left out is unknown. Each request
   * goes to `wire` before it leaves.
   */
  send(
    orders: readonly OrderToPay[],
    conversation: Conversation,
    units: Units,
  ): Promise<readonly Outcome[]>;
  /** Asks what became of keys; undefined when the provider cannot be asked. */
  enquire?(
    keys: readonly string[],
    conversation: Conversation,
    units: Units,
  ): Promise<readonly Outcome[]>;
  /** Understands a callback; a Problem when it is not one. Nothing is applied here. */
  parseCallback?(body: Buffer, config: ProviderConfig): readonly Outcome[];
  /**
   * Prepared inside the unit of work that marks the orders as sent, e.g. to write a file. What it
   * answers is kept as the request, where nothing else leaves.
   */
  prepare?(
    ctx: Context,
    orders: readonly OrderToPay[],
    config: ProviderConfig,
  ): Promise<Said | undefined>;
}

/** Adapters contribute themselves here. */
export const paymentProvider = extensionPoint<PaymentProviderAdapter>(
  'disbursement.payment-provider',
  'adapters of payment providers',
);

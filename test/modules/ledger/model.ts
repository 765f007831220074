/**
 * What the ledger promises, written a second time without a database: accounts with four totals,
 * transfers by id, and an act that takes place whole or not at all. The tests compare the two.
 */

/** Totals of an account in minor units. */
export interface Totals {
  readonly currency: string;
  readonly overdraftAllowed: boolean;
  debitsPosted: bigint;
  creditsPosted: bigint;
  debitsReserved: bigint;
  creditsReserved: bigint;
}

/** A transfer as a test asks for it; accounts by their place in the list. */
export interface Wish {
  readonly id: string;
  readonly debit: number;
  readonly credit: number;
  readonly amount: bigint;
}

interface Kept extends Wish {
  readonly kind: 'reserve' | 'direct';
  resolved?: 'post' | 'release';
}

/** The largest whole number that a column of the ledger holds. */
export const LARGEST = 2n ** 63n - 1n;

/** What an act comes to: what is new, or the code of the Problem that refuses all of it. */
export type Verdict = { readonly added: number } | { readonly refused: string };

/** The ledger in memory. */
export class Model {
  accounts: Totals[];
  transfers = new Map<string, Kept>();

  constructor(accounts: readonly Pick<Totals, 'currency' | 'overdraftAllowed'>[]) {
    this.accounts = accounts.map(({ currency, overdraftAllowed }) => ({
      currency,
      overdraftAllowed,
      debitsPosted: 0n,
      creditsPosted: 0n,
      debitsReserved: 0n,
      creditsReserved: 0n,
    }));
  }

  /** Appends reserves or direct transfers. */
  append(kind: 'reserve' | 'direct', wishes: readonly Wish[]): Verdict {
    const accounts = this.accounts.map((each) => ({ ...each }));
    const transfers = new Map(this.transfers);
    let differs = false;
    for (const wish of wishes) {
      const kept = transfers.get(wish.id);
      if (kept) {
        differs ||= !same(kept, kind, wish);
        continue;
      }
      transfers.set(wish.id, { ...wish, kind });
      move(accounts, wish, kind === 'reserve' ? 'Reserved' : 'Posted', 1n);
    }
    if (accounts.some(isOverdrawn)) return { refused: 'insufficient-funds' };
    if (differs) return { refused: 'transfer-differs' };
    const added = transfers.size - this.transfers.size;
    this.accounts = accounts;
    this.transfers = transfers;
    return { added };
  }

  /** Posts or releases reserves; answers the ids by what became of them. */
  resolve(kind: 'post' | 'release', ids: readonly string[]) {
    const answer = { done: [] as string[], already: [] as string[], refused: [] as string[] };
    for (const id of new Set(ids)) {
      const kept = this.transfers.get(id);
      if (kept?.kind !== 'reserve') answer.refused.push(id);
      else if (kept.resolved) answer[kept.resolved === kind ? 'already' : 'refused'].push(id);
      else {
        answer.done.push(id);
        kept.resolved = kind;
        move(this.accounts, kept, 'Reserved', -1n);
        if (kind === 'post') move(this.accounts, kept, 'Posted', 1n);
      }
    }
    return answer;
  }
}

function same(kept: Kept, kind: string, wish: Wish): boolean {
  return (
    kept.kind === kind &&
    kept.debit === wish.debit &&
    kept.credit === wish.credit &&
    kept.amount === wish.amount
  );
}

function move(
  accounts: readonly Totals[],
  { debit, credit, amount }: Wish,
  column: 'Reserved' | 'Posted',
  sign: bigint,
): void {
  accounts[debit]![`debits${column}`] += sign * amount;
  accounts[credit]![`credits${column}`] += sign * amount;
}

function isOverdrawn(each: Totals): boolean {
  return (
    !each.overdraftAllowed && each.creditsPosted - each.debitsPosted - each.debitsReserved < 0n
  );
}

/**
 * The search parameters of our own, as this process knows them. Every process looks again once a
 * second before it writes or searches; a parameter is indexed only when that second is long over,
 * so that no resource can be written by somebody who does not know it.
 */

import type { SearchParameter } from '@medplum/fhirtypes';
import type { Pool } from 'pg';
import type { Definitions } from '../definitions/definitions.ts';
import { bring, type Kept, loadCommitted } from './store.ts';

/** How old a process's knowledge may be. */
const FRESH_MS = 1000;
/** Seconds after which every process knows of a change. */
export const KNOWN_AFTER_SECONDS = 2 * (FRESH_MS / 1000);

/** Definitions that change while the house runs. */
export class ParameterRegistry {
  readonly #base: Definitions;
  readonly #pool: Pool;
  #current: Definitions;
  #known = '';
  #looked = Number.NEGATIVE_INFINITY;

  constructor(base: Definitions, pool: Pool) {
    this.#base = base;
    this.#pool = pool;
    this.#current = base;
  }

  /** The definitions as they stand. */
  get definitions(): Definitions {
    return this.#current;
  }

  /** Looks again if it is time. */
  async refresh(now = false): Promise<void> {
    const at = performance.now();
    if (!now && at - this.#looked < FRESH_MS) return;
    this.#looked = at;
    const all = await loadCommitted(this.#pool);
    const known = JSON.stringify(all.map((each) => [each.url, each.state, each.definition]));
    if (known === this.#known) return;
    this.#known = known;
    this.#current = this.with(all);
  }

  /** The next look is due at once. */
  expire(): void {
    this.#looked = Number.NEGATIVE_INFINITY;
  }

  /** HL7's parameters and those given, without those on their way out. */
  with(all: readonly Kept[]): Definitions {
    const standing = all.filter((each) => each.state !== 'removing');
    const usual = this.#base.broughtParameters;
    const same = (one: Kept): boolean =>
      one.state === 'active' && usual.some((each) => each.url === one.url);
    if (standing.length === usual.length && standing.every(same)) return this.#base;
    const pending = standing.filter((each) => each.state !== 'active').map((each) => each.url);
    return this.#base.withSearchParameters(definitionsOf(standing), new Set(pending));
  }

  /** With a parameter and without it, all else alike. */
  around(all: readonly Kept[], one: Kept): { with: Definitions; without: Definitions } {
    const others = all.filter((each) => each.url !== one.url && each.state !== 'removing');
    return {
      with: this.#base.withSearchParameters(definitionsOf([...others, one])),
      without: this.#base.withSearchParameters(definitionsOf(others)),
    };
  }
}

function definitionsOf(all: readonly Kept[]): SearchParameter[] {
  return all.map((each) => each.definition);
}

/** Notes what modules bring, and gives the registry of a starting house. */
export async function startParameters(
  base: Definitions,
  pool: Pool,
  readPool: Pool,
): Promise<ParameterRegistry> {
  const served = base.broughtParameters.filter((each) => each.status !== 'retired' && each.url);
  const brought = served.map((definition) => ({
    definition,
    types: (definition.base ?? []).flatMap((type) =>
      (base.isResourceType(type) ? [type] : base.resourceTypes).map(base.typeNumber),
    ),
  }));
  await bring(pool, brought);
  const registry = new ParameterRegistry(base, readPool);
  await registry.refresh();
  return registry;
}

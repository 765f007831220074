/**
 * An invented registry in the rows that matching reads: the facts and keys that the house would keep
 * of each Patient, made by the same functions, and written by COPY with the index of keys put back
 * afterwards. Made in portions of a hundred thousand people, each with villages of its own.
 */

import type { Pool } from 'pg';
import { syntheticRegistry } from '../../../modules/duplicates/evaluate/synthetic/registry.ts';
import { keyReader } from '../../../modules/duplicates/matching/keys.ts';
import { type Person, registryOf } from '../../../modules/duplicates/matching/registry.ts';
import { factsOf, personFrom } from '../../../modules/duplicates/registry/facts.ts';
import { database } from '../../../src/database/connect.ts';

const PORTION = 100_000;
/** Internal ids of households and Locations of a portion begin here. */
const PLACES = 1_000_000;

/** One row of COPY: what `registry/keep.ts` writes of a Patient. */
interface Row {
  readonly id: number;
  readonly facts: string;
  readonly household: number;
  readonly area: string;
}

/** Fills `match_feature` with so many people; the seed makes them. */
export async function loadPeople(pool: Pool, people: number, seed: number): Promise<void> {
  await pool.query('drop index if exists match_feature_keys');
  for (let first = 0; first < people; first += PORTION) {
    const size = Math.min(PORTION, people - first);
    const rows = rowsOf(syntheticRegistry(size, seed + first / PORTION).records.people, first);
    const client = await pool.connect();
    await database(client, false).copyIn(COPY, lines(rows));
    client.release();
  }
  await pool.query(`create index match_feature_keys on match_feature using gin (keys)
    with (fastupdate = on, gin_pending_list_limit = 65536) where not fresh`);
  await pool.query('vacuum analyze match_feature');
}

const COPY = `copy match_feature
  (patient_id, fhir_id, household_id, area, active, keys, facts, changed_at, fresh) from stdin`;

function rowsOf(people: readonly Person[], first: number): Row[] {
  const begin = Math.floor(first / PORTION + 1) * PLACES;
  const numbers = new Map<string, number>();
  const numberOf = (text: string): number =>
    numbers.get(text) ?? numbers.set(text, begin + numbers.size).size + begin - 1;
  return people.map((person, at) => {
    const { city = '', ...texts } = person.texts;
    return {
      id: (first + at + 1) * 64 + (at % 64),
      facts: factsOf({ ...person, texts }),
      household: numberOf(`h${person.household}`),
      area: `L:${numberOf(`a${city}`)}`,
    };
  });
}

function* lines(rows: readonly Row[]): Generator<string> {
  const registry = registryOf(
    rows.map(({ facts, household, area }) =>
      personFrom(facts, { householdId: BigInt(household), area }),
    ),
  );
  const keysOf = keyReader(registry);
  for (const [at, { id, facts, household, area }] of rows.entries()) {
    const uuid = `00000000-0000-7000-8000-${String(id).padStart(12, '0')}`;
    const keys = `{${keysOf(at).join(',')}}`;
    const text = facts.replaceAll('\\', '\\\\');
    yield `${id}\t${uuid}\t${household}\t${area}\tt\t${keys}\t${text}\t2026-01-01\tf\n`;
  }
}

#!/usr/bin/env node
/**
 * The process of a run over everybody: takes records in portions, answers what it found, and ends.
 * It has no settings, no secrets and no database, and gives way to whatever else wants the machine.
 */

import type { Person } from '../matching/registry.ts';
import { personFrom } from '../registry/facts.ts';
import type { TaughtModel } from '../registry/weights.ts';
import { compareEverybody } from './everybody.ts';

/** Facts, household and area of one record. */
export type Told = readonly [facts: string, household: bigint | null, area: string | null];

/** A portion of records, or the word that these were all. */
export type Message =
  | { readonly records: readonly Told[] }
  | { readonly now: TaughtModel; readonly taught: boolean };

const people: Person[] = [];

process.on('message', (message: Message) => {
  if ('records' in message) {
    for (const [facts, householdId, area] of message.records) {
      people.push(personFrom(facts, { householdId, area }));
    }
    return;
  }
  process.send?.(compareEverybody(people, message.now, message.taught), () => process.disconnect());
});
process.on('disconnect', () => process.exit());

#!/usr/bin/env node
/**
 * The process of a run over everybody: takes records as the bytes of COPY, answers what it found in
 * the form of COPY, and ends. It has no settings, no secrets and no database, and gives way to
 * whatever else wants the machine.
 *
 * Records come by the standard input, what they are compared by as a message beforehand. First goes
 * a message of what was found in short, then lines by the standard output: pairs, an empty line,
 * counts, and an empty line.
 */

import { once } from 'node:events';
import { withThreads } from '../matching/threads.ts';
import { compareEverybody, type Order, ready } from './everybody.ts';
import { RecordReader } from './records.ts';

const CHUNK = 256 * 1024;

async function main(): Promise<void> {
  const [order] = (await once(process, 'message')) as [Order];
  const reader = new RecordReader();
  for await (const chunk of process.stdin) reader.take(chunk as Buffer);
  reader.end();
  const { ids } = reader;
  const { findings, pairs, counts } = withThreads(ids.length, (threads) => {
    const everybody = ready({ registry: reader.registry(), ids }, threads !== undefined);
    return compareEverybody(everybody, order, threads);
  });
  const used = process.resourceUsage();
  process.send?.({
    ...findings,
    seconds: (used.userCPUTime + used.systemCPUTime) / 1e6,
    memory: used.maxRSS / 1024,
  });
  await write(pairs);
  await write(['\n']);
  await write(counts());
  await write(['\n']);
  process.stdout.end();
  process.disconnect();
}

async function write(lines: Iterable<string>): Promise<void> {
  let text = '';
  for (const line of lines) {
    text += line;
    if (text.length < CHUNK) continue;
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    text = '';
  }
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
}

process.on('disconnect', () => {
  // Without the house nobody waits for the rest.
  if (!process.stdout.writableEnded) process.exit();
});
await main();

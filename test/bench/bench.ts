/**
 * `npm run bench [-- NAME …] [--households N]`: runs benchmarks, all or by name, prints one line a
 * figure, and writes the same to RESULTS.md and test/bench/results.json.
 *
 * Figures of machines differ: what counts is the ratio to the floors measured in the same run.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startEmbedded } from '../../src/database/embedded.ts';
import type { Bench, BenchOptions } from './report.ts';

const HELPERS = new Set(['bench.ts', 'report.ts', 'people.ts', 'remote.ts']);
const root = join(import.meta.dirname, '../..');

interface Figure {
  readonly bench: string;
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number | null;
  readonly verdict: 'ok' | 'short' | '–';
}

function parse(words: readonly string[]): { names: string[]; options: BenchOptions } {
  const names: string[] = [];
  const options: Record<string, number> = {};
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (word.startsWith('--')) {
      options[word.slice(2)] = Number(words[at + 1]);
      at += 1;
    } else names.push(word);
  }
  return { names, options };
}

async function load(names: readonly string[]): Promise<Bench[]> {
  const files = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.ts') && !HELPERS.has(file))
    .sort();
  const all = await Promise.all(files.map((file) => import(join(import.meta.dirname, file))));
  const benches = all as Bench[];
  for (const name of names) {
    if (benches.some((bench) => bench.name === name)) continue;
    const known = benches.map((bench) => bench.name).join(', ');
    throw new Error(`There is no benchmark "${name}"; there are ${known}.`);
  }
  return benches.filter((bench) => names.length === 0 || names.includes(bench.name));
}

function verdictOf(
  value: number,
  target: number | undefined,
  better: 'higher' | 'lower',
): Figure['verdict'] {
  if (target === undefined) return '–';
  return (better === 'higher' ? value >= target : value <= target) ? 'ok' : 'short';
}

function write(figures: readonly Figure[], command: string): void {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 1e9)} GB, Node ${process.versions.node}`;
  const rows = figures.map(
    (each) =>
      `| ${each.bench} | ${each.figure} | ${each.value} | ${each.unit} | ${each.target ?? '–'} | ${each.verdict} |`,
  );
  const text = `# Results

Made by \`${command}\` on ${machine}. Figures of one machine at one time: compare the ratios.

| benchmark | figure | value | unit | target | |
|---|---|---:|---|---:|---|
${rows.join('\n')}
`;
  writeFileSync(join(root, 'RESULTS.md'), text);
  const content = JSON.stringify({ machine, command, figures }, null, 1);
  writeFileSync(join(import.meta.dirname, 'results.json'), `${content}\n`);
}

const words = process.argv.slice(2);
const { names, options } = parse(words);

/** Runs one benchmark in this process and prints its lines. */
async function runHere(bench: Bench): Promise<void> {
  await bench.run((figure, value, unit, target, better = 'higher') => {
    const rounded = Number(value.toPrecision(4));
    const verdict = verdictOf(value, target, better);
    const shown = verdict === '–' ? '' : ` ${verdict}`;
    process.stdout.write(
      `bench ${bench.name} ${figure} ${rounded} ${unit} target ${target ?? '-'}${shown}\n`,
    );
  }, options);
}

const LINE = /^bench (\S+) (.+) (\S+) (\S+) target (\S+?)(?: (ok|short))?$/;

/** Runs a benchmark in a process of its own, so that none finds the memory of another. */
async function runApart(bench: Bench): Promise<Figure[]> {
  const sizes = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.execPath, [import.meta.filename, bench.name, ...sizes], {
    env: { ...process.env, BENCH_APART: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const figures: Figure[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    process.stdout.write(`${line}\n`);
    const [, name, figure, value, unit, target, verdict] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    figures.push({
      bench: name,
      figure: figure!,
      value: Number(value),
      unit: unit!,
      target: target === '-' ? null : Number(target),
      verdict: (verdict as 'ok' | undefined) ?? '–',
    });
  }
  return figures;
}

const benches = await load(names);
if (process.env.BENCH_APART) {
  for (const bench of benches) await runHere(bench);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'amana-bench-'));
const embedded = process.env.DATABASE_URL ? undefined : await startEmbedded(join(folder, 'data'));
if (embedded) process.env.DATABASE_URL = embedded.url;
try {
  const figures: Figure[] = [];
  for (const bench of benches) figures.push(...(await runApart(bench)));
  write(figures, `npm run bench${words.length > 0 ? ` -- ${words.join(' ')}` : ''}`);
} finally {
  await embedded?.leave();
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);

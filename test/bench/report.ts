/**
 * What a benchmark is: a name and a run that reports figures, each with the target it should meet.
 */

/** Takes one figure. `better` says which way the target goes; default higher. */
export type Report = (
  figure: string,
  value: number,
  unit: string,
  target?: number,
  better?: 'higher' | 'lower',
) => void;

/** Sizes from the command line, e.g. `--households 1000000`. */
export type BenchOptions = Readonly<Record<string, number | undefined>>;

/** A benchmark, one file each in this folder. */
export interface Bench {
  readonly name: string;
  run(report: Report, options: BenchOptions): Promise<void>;
}

/** A size from the options. */
export function sizeOf(options: BenchOptions, name: string, usual: number): number {
  const value = Number(options[name] ?? usual);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} is a whole number above 0`);
  return value;
}

/** Watches the memory of this process while `work` runs; answers the peak in MB. */
export async function peakMemory(work: () => Promise<void>): Promise<number> {
  let peak = 0;
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss() / 1e6);
  };
  const timer = setInterval(look, 20);
  try {
    await work();
  } finally {
    look();
    clearInterval(timer);
  }
  return Math.round(peak);
}

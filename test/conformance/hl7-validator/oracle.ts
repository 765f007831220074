/**
 * HL7's reference validator, asked from tests: starts `Oracle.java` and reads its verdicts.
 *
 * It is there when Java 17 and the jars are: `mvn dependency:copy-dependencies` in this folder
 * (see pom.xml) or a folder of jars named by HL7_VALIDATOR_LIB. Nothing is fetched here.
 */

import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const HERE = import.meta.dirname;

/** A fault as the reference validator says it. */
export interface Verdict {
  readonly severity: string;
  /** Key of the message, or of the broken rule. */
  readonly id: string;
  readonly location: string;
  readonly message: string;
}

/** What is asked: conformance resources to know from then on, a resource to check, or forgetting. */
export type Request =
  | { readonly load: string }
  | { readonly check: string; readonly profiles?: readonly string[] }
  | 'forget';

/** The folder of jars; undefined, with the reason printed, when the validator cannot be asked. */
export function validatorJars(): string | undefined {
  const lib = process.env.HL7_VALIDATOR_LIB ?? join(HERE, 'lib');
  if (!existsSync(lib)) return absent('the jars are not there; see test/conformance/README.md');
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
    return lib;
  } catch {
    return absent('Java is not there');
  }
}

function absent(reason: string): undefined {
  process.stdout.write(`    (skipped: HL7's validator: ${reason})\n`);
  return undefined;
}

/** Asks everything in one run; answers the faults of each `check`, in order. */
export async function ask(lib: string, requests: readonly Request[]): Promise<Verdict[][]> {
  const child = spawn('java', ['-Xmx1500m', '-cp', join(lib, '*'), join(HERE, 'Oracle.java')], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  child.stdin.end(requests.map(line).join(''));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  const [out, talk] = await said;
  if (code !== 0) throw new Error(`the validator ended with ${code}: ${talk.slice(-2000)}`);
  return verdicts(out);
}

function line(request: Request): string {
  if (request === 'forget') return 'forget\n';
  if ('load' in request) return `load\t${request.load}\n`;
  return `${['check', request.check, ...(request.profiles ?? [])].join('\t')}\n`;
}

function verdicts(out: string): Verdict[][] {
  const all: Verdict[][] = [];
  let open: Verdict[] = [];
  for (const each of out.split('\n')) {
    const [kind, , severity = '', id = '', location = '', message = ''] = each.split('\t');
    if (kind === 'issue') open.push({ severity, id, location, message });
    if (kind !== 'done') continue;
    all.push(open);
    open = [];
  }
  return all;
}

/** Faults for which the reference validator refuses. */
export function errorsOf(verdict: readonly Verdict[]): Verdict[] {
  return verdict.filter(({ severity }) => severity === 'error' || severity === 'fatal');
}

/**
 * Files that stand beside the repository (`../shared`): example data with known answers. A test
 * that needs one skips, saying so, where the folder is not there.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Context as MochaContext } from 'mocha';

const ROOT = fileURLToPath(new URL('../../../shared/', import.meta.url));

/** The path of a shared file or folder; undefined when it is absent. */
export function sharedFile(path: string): string | undefined {
  const whole = `${ROOT}${path}`;
  return existsSync(whole) ? whole : undefined;
}

/** The path of a shared file or folder; skips the test or suite when it is absent. */
export function sharedPath(test: MochaContext, path: string): string {
  const found = sharedFile(path);
  if (found === undefined) {
    process.stdout.write(`    (skipped: ${path} is not beside this repository)\n`);
    test.skip();
    throw new Error('skipped');
  }
  return found;
}

/** Names and texts of the files of a shared folder whose name ends as given. */
export function sharedTexts(
  test: MochaContext,
  folder: string,
  ending = '.json',
): { name: string; text: string }[] {
  const root = sharedPath(test, folder);
  return readdirSync(root)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => ({
      name,
      text: readFileSync(`${root}/${name}`, 'utf8').replace(/^\ufeff/, ''),
    }));
}

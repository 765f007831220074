/**
 * Modules from outside this repository: npm packages, folders or files that the setting MODULES
 * names. They are values like our own and are checked like them.
 *
 * A package cannot import the house that loads it, so it may export a function instead: it is given
 * the SDK and answers the module.
 */

import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as sdk from './sdk/index.ts';

type Module = sdk.Module;

/** A module that cannot be had; the message is for the operator. */
export class ModuleMissing extends Error {}

/**
 * Loads modules by package name or path, in the order given.
 *
 * @throws ModuleMissing naming the module and what is wrong
 */
export async function outsideModules(names: readonly string[]): Promise<Module[]> {
  const found: Module[] = [];
  for (const name of names) found.push(await load(name));
  return found;
}

async function load(name: string): Promise<Module> {
  const value = await exportOf(name);
  const made = typeof value === 'function' ? value(sdk) : value;
  const { name: called, title, migrations } = (made ?? {}) as Partial<Module>;
  if (typeof called !== 'string' || typeof title !== 'string') {
    throw new ModuleMissing(
      `MODULES names "${name}", whose default export is no module (a value with name and title) ` +
        'and no function that makes one from the SDK.',
    );
  }
  if (migrations !== undefined && !isAbsolute(migrations)) {
    throw new ModuleMissing(`Module "${called}" must give its migrations as an absolute path.`);
  }
  return made as Module;
}

async function exportOf(name: string): Promise<unknown> {
  const isPath = name.startsWith('.') || isAbsolute(name);
  try {
    // A folder has its entry in package.json, which only this resolution follows.
    const here = createRequire(join(process.cwd(), 'package.json'));
    const loaded = await import(isPath ? pathToFileURL(here.resolve(name)).href : name);
    return loaded.default ?? loaded.module;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new ModuleMissing(`MODULES names "${name}", which cannot be loaded: ${said}`);
  }
}

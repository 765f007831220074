/**
 * Modules from outside this repository: npm packages or files that the setting MODULES names. They
 * are values like our own and are checked like them; what a package does not export is said plainly.
 */

import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Module } from './sdk/index.ts';

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
  const isPath = name.startsWith('.') || isAbsolute(name);
  let loaded: { default?: unknown; module?: unknown };
  try {
    loaded = await import(isPath ? pathToFileURL(resolve(name)).href : name);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new ModuleMissing(`MODULES names "${name}", which cannot be loaded: ${said}`);
  }
  const value = (loaded.default ?? loaded.module) as Partial<Module> | undefined;
  if (typeof value?.name !== 'string' || typeof value.title !== 'string') {
    throw new ModuleMissing(
      `MODULES names "${name}", whose default export is no module (a value with name and title).`,
    );
  }
  return value as Module;
}

#!/usr/bin/env node
/**
 * `npm run new-module NAME`: makes the files of a module inside this repository, ready to be
 * filled: face, README, first migration and first test. What then remains to do is printed.
 */

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A name that cannot be used; the message is for the developer. */
export class NameRefused extends Error {}

const camel = (name: string): string =>
  name.replace(/-([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());

const words = (name: string): string => name[0]!.toUpperCase() + name.slice(1).replaceAll('-', ' ');

/** The next free migration number below those of outside modules, in tens. */
function nextNumber(root: string): string {
  const folder = join(root, 'migrations');
  const numbers = (existsSync(folder) ? readdirSync(folder) : [])
    .map((file) => Number(/^(\d{4})_/.exec(file)?.[1] ?? 0))
    .filter((number) => number < 5000);
  const next = (Math.floor(Math.max(0, ...numbers) / 10) + 1) * 10;
  return String(next).padStart(4, '0');
}

function filesOf(root: string, name: string): Record<string, string> {
  const id = camel(name);
  const title = words(name);
  const table = name.replaceAll('-', '_');
  return {
    [`modules/${name}/index.ts`]: `/**
 * ${title}: say in one sentence what this room is for.
 *
 * The face of the room: what other rooms may import stands here.
 */

import type { Module } from '../../src/sdk/index.ts';

export const ${id}: Module = {
  name: '${name}',
  title: '${title}',
};
`,
    [`modules/${name}/README.md`]: `# ${title}

Say what this room is for.

## Words

## FHIR map

## Problem codes
`,
    [`migrations/${nextNumber(root)}_${table}_first.sql`]: `create table ${table} (
  ${table}_id bigint primary key
);
comment on table ${table} is 'Say what a row is.';
`,
    [`test/modules/${name}/${name}.test.ts`]: `/** ${title}: say what must hold. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { ${id} } from '../../../modules/${name}/index.ts';
import { openStage, type Stage } from '../support/stage.ts';

describe('${title.toLowerCase()}', () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage([${id}]);
  });
  after(() => stage?.close());

  it('has its table', async () => {
    expect(await stage.rows('select * from ${table}')).to.deep.equal([]);
  });
});
`,
  };
}

/**
 * Writes the files of a new module below `root`.
 *
 * @returns their paths
 * @throws NameRefused when the name is no kebab-case word or is taken
 */
export function newModule(root: string, name: string): string[] {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new NameRefused('Give a name in kebab-case: npm run new-module NAME');
  }
  if (existsSync(join(root, 'modules', name))) {
    throw new NameRefused(`There is a module "${name}" already.`);
  }
  const files = filesOf(root, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { flag: 'wx' });
  }
  return Object.keys(files);
}

if (process.argv[1] === import.meta.filename) {
  const name = process.argv[2] ?? '';
  try {
    const made = newModule(join(import.meta.dirname, '..'), name);
    process.stdout.write(
      `${made.map((path) => `made ${path}`).join('\n')}\n` +
        `Now add ${camel(name)} to modules/index.ts after the modules it depends on, ` +
        'and follow modules/README.md.\n',
    );
  } catch (error) {
    if (!(error instanceof NameRefused)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

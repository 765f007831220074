/**
 * Documentation that must keep up with the code: every folder of the tree and every module opens
 * with a README, every setting, permission and problem code stands in one, and no link is dead.
 */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { type Breach, listFiles, type Source } from './source.ts';

/** Folders that must have a README of their own. */
export function readmeBreaches(root: string, folders: readonly string[]): Breach[] {
  return folders
    .filter((folder) => !existsSync(join(root, folder, 'README.md')))
    .map((folder) => ({ place: folder, says: 'write a README.md: what this room is for' }));
}

/** All documentation as one text. */
export function documentation(root: string): string {
  return listFiles(root, '.', ['.md'])
    .map((path) => readFileSync(join(root, path), 'utf8'))
    .join('\n');
}

const NAMED: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bsetting(?:<[^>]*>)?\(\{\s*name:\s*'([A-Z0-9_]+)'/g, 'setting'],
  [/\bpermission\(\s*'([a-z0-9.*-]+)'/g, 'permission'],
];

/** Settings and permissions that no README names. */
export function undocumentedBreaches(sources: readonly Source[], documents: string): Breach[] {
  return sources
    .filter((source) => /^(src|modules)\//.test(source.path))
    .flatMap((source) =>
      NAMED.flatMap(([pattern, what]) =>
        [...source.code.matchAll(pattern)]
          .filter((match) => !documents.includes(`\`${match[1]}\``))
          .map((match) => ({
            place: source.path,
            says: `${what} ${match[1]} is documented nowhere; name it in a README`,
          })),
      ),
    );
}

/** Problem codes used in the code, with the file of their first use. */
export function problemCodes(sources: readonly Source[]): Map<string, string> {
  const codes = new Map<string, string>();
  for (const source of sources) {
    if (!/^(src|modules)\//.test(source.path)) continue;
    for (const match of source.code.matchAll(
      /\bproblem\(\s*'[a-z-]+',\s*'([a-z0-9-]+)'|\bcode:\s*'([a-z0-9-]+)',\s*diagnostics/g,
    )) {
      const code = match[1] ?? match[2]!;
      if (!codes.has(code)) codes.set(code, source.path);
    }
  }
  return codes;
}

/** Relative links and images in documentation that lead nowhere. */
export function deadLinkBreaches(root: string): Breach[] {
  return listFiles(root, '.', ['.md']).flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8').replace(/```[\s\S]*?```/g, '');
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1]!.replace(/#.*$/, ''))
      .filter((link) => link && !/^[a-z]+:/.test(link))
      .filter((link) => !existsSync(join(root, normalize(join(dirname(path), link)))))
      .map((link) => ({ place: path, says: `dead link ${link}` }));
  });
}

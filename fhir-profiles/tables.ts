/**
 * The tables of README.md, made of the artefacts, so that what integrators read is what is published:
 * profiles, extensions with what they hold, code systems and value sets.
 */

import type {
  CodeSystem,
  ElementDefinition,
  Resource,
  StructureDefinition,
  ValueSet,
} from '@medplum/fhirtypes';

/** Codes of a system that are named in a row; of larger ones the file. */
const CODES_MAX = 40;

/** README with its sections of tables made anew; other sections stay as they are. */
export function withTables(readme: string, files: ReadonlyMap<string, string>): string {
  const artefacts = [...files.values()].map((text) => JSON.parse(text) as Resource);
  const all = <Type extends Resource>(type: Type['resourceType']) =>
    artefacts.filter((each): each is Type => each.resourceType === type);
  const structures = all<StructureDefinition>('StructureDefinition');
  const sections: Readonly<Record<string, string[]>> = {
    Profiles: profileTable(structures.filter(({ type }) => type !== 'Extension')),
    Extensions: extensionTable(structures.filter(({ type }) => type === 'Extension')),
    'Code systems': codeTable(all<CodeSystem>('CodeSystem')),
    'Value sets': [
      'Canonical: `https://amana.example/fhir/ValueSet/[id]`; each holds all codes of the system of the same id.',
      '',
      all<ValueSet>('ValueSet')
        .map(({ id }) => `\`${id}\``)
        .join(', '),
    ],
  };
  const parts = readme.split(/^(?=## )/m).map((part) => {
    const heading = /^## (.+)\n/.exec(part)?.[1] ?? '';
    const lines = sections[heading];
    return lines ? `## ${heading}\n\n${lines.join('\n')}\n\n` : part;
  });
  return parts.join('');
}

function row(...cells: readonly (string | undefined)[]): string {
  return `| ${cells.map((cell) => (cell ?? '').replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}

function profileTable(profiles: readonly StructureDefinition[]): string[] {
  return [
    'Canonical: `https://amana.example/fhir/StructureDefinition/[id]`.',
    '',
    row('id', 'of', 'means'),
    row('---', '---', '---'),
    ...profiles.map(({ id, type, description }) => row(`\`${id}\``, type, description)),
  ];
}

function extensionTable(extensions: readonly StructureDefinition[]): string[] {
  return [
    'Canonical: `https://amana.example/fhir/StructureDefinition/[id]`. Parts are extensions within, whose url is their name alone; `?` may be missing, `*` may repeat.',
    '',
    row('id', 'on', 'holds', 'means'),
    row('---', '---', '---', '---'),
    ...extensions.map((extension) =>
      row(
        `\`${extension.id}\``,
        extension.context?.map(({ expression }) => expression).join(', '),
        holds(extension.snapshot?.element ?? []),
        extension.description,
      ),
    ),
  ];
}

/** The value of an extension, or its parts with theirs. */
function holds(elements: readonly ElementDefinition[], of = 'Extension'): string {
  const byId = new Map(elements.map((each) => [each.id, each]));
  const value = byId.get(`${of}.value[x]`);
  if (value && value.max !== '0') {
    return [...new Set(value.type?.map(({ code }) => code))].join(', ');
  }
  const own = `${of}.extension:`;
  return elements
    .filter(({ id = '' }) => id.startsWith(own) && !id.slice(own.length).includes('.'))
    .map(({ id = '', sliceName, min, max }) => {
      const often = max === '*' ? '*' : min === 0 ? '?' : '';
      const inner = holds(elements, id);
      return `\`${sliceName}\`${often} ${inner.startsWith('`') ? `(${inner})` : inner}`;
    })
    .join(', ');
}

function codeTable(systems: readonly CodeSystem[]): string[] {
  return [
    'Canonical: `https://amana.example/fhir/CodeSystem/[id]`.',
    '',
    row('id', 'means', 'codes'),
    row('---', '---', '---'),
    ...systems.map(({ id, title, concept = [] }) =>
      row(
        `\`${id}\``,
        title,
        concept.length > CODES_MAX
          ? `[generated/CodeSystem-${id}.json](generated/CodeSystem-${id}.json)`
          : concept.map(({ code }) => `\`${code}\``).join(', '),
      ),
    ),
  ];
}

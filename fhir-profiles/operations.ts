/**
 * The OperationDefinitions of the house and of all modules, as they are published: gathered from
 * the registers, so that what is published is what runs. Those that HL7 defines are left to HL7.
 */

import type { OperationDefinition } from '@medplum/fhirtypes';
import { MODULES } from '../modules/index.ts';
import { assemble } from '../src/assemble.ts';
import { CANONICAL_ROOT } from '../src/sdk/index.ts';
import { HOUSE_SETTINGS } from '../src/settings.ts';

/** Our operations by the names of the files that publish them. */
export function operationFiles(): Map<string, string> {
  const { operations } = assemble(MODULES, HOUSE_SETTINGS).fhir;
  const files = new Map<string, string>();
  for (const { definition } of new Set(operations.values())) {
    if (!definition.url?.startsWith(CANONICAL_ROOT)) continue;
    const id = definition.url.slice(definition.url.lastIndexOf('/') + 1);
    const name = `OperationDefinition-${id}.json`;
    if (files.has(name)) throw new Error(`two operations are called ${definition.url}`);
    files.set(name, `${JSON.stringify(published(definition, id), null, 1)}\n`);
  }
  return files;
}

/** The definition with what a publication needs: id, version, a name for programs and a title. */
function published(definition: OperationDefinition, id: string): OperationDefinition {
  const words = (definition.code ?? id).split('-');
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  const { resourceType, url, name: _name, title, parameter = [], ...rest } = definition;
  return {
    resourceType,
    id,
    url,
    version: '0.1.0',
    name: words.map(capital).join(''),
    title: title ?? capital(words.join(' ')),
    experimental: false,
    ...rest,
    ...(parameter.length > 0 && { parameter }),
  };
}

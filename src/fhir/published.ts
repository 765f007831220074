/**
 * What the house publishes beside what is stored: its definitions, those of modules, HL7's search
 * parameters, and the definition of every operation that it has. What `metadata` names can be read
 * and searched.
 */

import type { Resource } from '@medplum/fhirtypes';
import type { FhirHouse } from './types.ts';

type House = Pick<FhirHouse, 'definitions' | 'operations'>;

/** What is published of a type; each has an id. */
export function publishedOf({ definitions, operations }: House, type: string): Resource[] {
  const found = [...definitions.publishedOf(type)];
  if (type !== 'OperationDefinition') return found;
  const ids = new Set(found.map((each) => each.id));
  for (const { definition } of operations.values()) {
    const id = definition.id ?? idOf(definition.url ?? definition.code ?? '');
    if (ids.has(id)) continue;
    ids.add(id);
    found.push({ ...definition, id });
  }
  return found;
}

/** One that is published, by its id. */
export function published(house: House, type: string, id: string): Resource | undefined {
  const known = house.definitions.published(type, id);
  if (known || type !== 'OperationDefinition') return known;
  return publishedOf(house, type).find((each) => each.id === id);
}

/** Definitions of others come without an id: the end of their canonical. */
function idOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1).replaceAll(/[^A-Za-z0-9.-]/g, '');
}

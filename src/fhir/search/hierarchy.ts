/**
 * `:below` and `:above` on references: a place and all that is part of it, or all that it is part of.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#recursive
 */

import type { Definitions, SearchParameterInfo } from '../definitions/definitions.ts';
import type { Values } from './parts.ts';

/** A type whose resources are parts of each other, and the parameter that says so. */
interface Hierarchy {
  readonly type: string;
  readonly info: SearchParameterInfo;
}

const PART_OF = ['partof', 'part-of'];

/** The hierarchies among some types. */
export function hierarchiesOf(definitions: Definitions, types: readonly string[]): Hierarchy[] {
  return types.flatMap((type) => {
    const info = PART_OF.map((code) => definitions.searchParameter(type, code)).find(
      (each) => each?.type === 'reference' && each.targets.includes(type),
    );
    return info ? [{ type, info }] : [];
  });
}

/**
 * The keys of a resource and of all that is below or above it, as a select.
 *
 * @param tests  conditions on the resources `r` that are passed through
 */
export function lineOf(
  definitions: Definitions,
  { type, info }: Hierarchy,
  key: string,
  way: 'above' | 'below',
  tests: readonly string[],
  values: Values,
): string {
  const number = definitions.typeNumber(type);
  const link = `f.param = ${values.add(info.key, 'int')} and f.type = ${number}`;
  const standing = [`r.type = ${number}`, 'not r.deleted', ...tests].join(' and ');
  const step =
    way === 'below'
      ? `select r.id from h join ref f on f.target = h.id and ${link}
          join resource r on r.rid = f.rid and r.bucket = f.bucket and ${standing}`
      : `select f.target from h join resource r on r.id = h.id and ${standing}
          join ref f on f.rid = r.rid and ${link}`;
  return `with recursive h(id) as (select ${values.add(key, 'uuid')} union ${step}) select id from h`;
}

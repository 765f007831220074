/**
 * Damaged copies of a good resource, each with one fault or one change that may be none: what two
 * validators are compared by.
 */

import type { Resource } from '@medplum/fhirtypes';

/** A copy with one change. */
export interface Damage {
  /** What was done, with the place: `without extension.0.url`. */
  readonly what: string;
  readonly resource: Resource;
}

type Path = readonly (string | number)[];

/** Every place of a JSON value, the root left out. */
function placesOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = [...at, Array.isArray(value) ? Number(key) : key];
    return [path, ...placesOf(inner, path)];
  });
}

type Owner = Record<string | number, unknown>;

function changed(resource: Resource, path: Path, change: (owner: Owner, key: string) => void) {
  const copy = structuredClone(resource) as unknown as Owner;
  let owner = copy;
  for (const step of path.slice(0, -1)) owner = owner[step] as Owner;
  change(owner, path.at(-1) as string);
  return copy as unknown as Resource;
}

function remove(owner: Owner, key: string | number): void {
  if (Array.isArray(owner)) owner.splice(Number(key), 1);
  else delete owner[key];
}

/** Another value in place of a primitive; undefined when there is none to try. */
function replacement(value: unknown): unknown {
  if (typeof value === 'boolean') return 'yes';
  if (typeof value === 'number') return `${value}`;
  if (typeof value === 'string') return /^\d{4}-\d{2}/.test(value) ? '2026-13-45' : 'x-wrong';
  return undefined;
}

/** Copies of a resource: each place removed, each primitive replaced, each array member doubled. */
export function damages(resource: Resource): Damage[] {
  const places = placesOf(resource).filter(
    ([first]) => first !== 'resourceType' && first !== 'id' && first !== 'meta',
  );
  return places.flatMap((path): Damage[] => {
    const where = path.join('.');
    const found: Damage[] = [
      { what: `without ${where}`, resource: changed(resource, path, remove) },
    ];
    const value = path.reduce<unknown>((owner, step) => (owner as Owner)[step], resource);
    const other = replacement(value);
    if (other !== undefined) {
      const set = (owner: Owner, key: string) => {
        owner[key] = other;
      };
      found.push({
        what: `${JSON.stringify(other)} as ${where}`,
        resource: changed(resource, path, set),
      });
    }
    if (typeof path.at(-1) === 'number') {
      const twice = (owner: Owner, key: string) => {
        (owner as unknown as unknown[]).push(structuredClone(owner[key]));
      };
      found.push({ what: `twice ${where}`, resource: changed(resource, path, twice) });
    }
    return found;
  });
}

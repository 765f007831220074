/**
 * The caller of a bulk job as JSON, and back: a job sees and may do what its caller could when it
 * was asked for, and no more.
 */

import type { Actor } from '../../sdk/index.ts';

interface Packed extends Omit<Actor, 'permissions' | 'reach'> {
  readonly permissions: readonly string[];
  readonly reach: Readonly<Record<keyof Actor['reach'], 'all' | readonly string[]>>;
}

/** The actor as JSON. */
export function packActor(actor: Actor): object {
  const { areas, schemes } = actor.reach;
  const texts = (rids: 'all' | readonly bigint[]) => (rids === 'all' ? rids : rids.map(String));
  return {
    ...actor,
    permissions: [...actor.permissions],
    reach: { areas: texts(areas), schemes: texts(schemes) },
  };
}

/** The actor of that JSON. */
export function unpackActor(value: unknown): Actor {
  const packed = value as Packed;
  const rids = (texts: 'all' | readonly string[]) => (texts === 'all' ? texts : texts.map(BigInt));
  return {
    ...packed,
    permissions: new Set(packed.permissions),
    reach: { areas: rids(packed.reach.areas), schemes: rids(packed.reach.schemes) },
  };
}

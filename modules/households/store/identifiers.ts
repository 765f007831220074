/**
 * Who holds an identifier. Members and households have a look-up table each, of one shape, and the
 * statements are the same but for its name.
 *
 * The claim is an INSERT whose conflict answers the holder: of two writers at once the second
 * waits for the first and then sees its row, so no identifier is ever held twice.
 */

import { type Context, problem, statement } from '../../../src/sdk/index.ts';
import type { Claim } from '../identifier.ts';

/** Somebody who claims identifiers. */
export interface Claimant {
  /** rid of the Patient or Group. */
  readonly rid: bigint;
  readonly id: string;
  /** Where it stands in a Bundle. */
  readonly place: string | undefined;
  readonly identifiers: readonly Claim[];
}

type Kind = 'member' | 'household';

const RELEASE = {
  member: statement('households.release-member-identifiers', releaseText('member')),
  household: statement('households.release-household-identifiers', releaseText('household')),
};

const TYPE = { member: 'Patient', household: 'Group' } as const;

/** $1 holders whose identifiers are rewritten, $2 $3 the (holder, hash) pairs that stay. */
function releaseText(kind: Kind): string {
  return `delete from ${kind}_identifier i
    where i.${kind}_id = any($1::bigint[])
      and not exists (
        select from unnest($2::bigint[], $3::bigint[]) as stays(holder, hash)
        where stays.holder = i.${kind}_id and stays.hash = i.identifier_hash)`;
}

/**
 * SQL that claims identifiers and answers who holds each, as `hash` and `holder`: a part of the
 * statement that writes the claimants. Rows are written in the order of their hash, so that two
 * writers never wait in a ring.
 *
 * @param first  number of the first of four parameters, see `claimColumns`
 */
export function claimText(kind: Kind, first: number): string {
  return `insert into ${kind}_identifier (identifier_hash, system, value, ${kind}_id)
    select c.hash, c.system, c.value, c.holder
    from unnest($${first}::bigint[], $${first + 1}::text[], $${first + 2}::text[],
      $${first + 3}::bigint[]) as c(hash, system, value, holder)
    order by c.hash
    on conflict (identifier_hash, system, value)
      do update set ${kind}_id = ${kind}_identifier.${kind}_id
    returning identifier_hash as hash, ${kind}_id as holder`;
}

/** Gives up all identifiers of these holders. */
export async function releaseIdentifiers(
  ctx: Context,
  kind: Kind,
  rids: readonly bigint[],
): Promise<void> {
  if (rids.length > 0) await ctx.db.run(RELEASE[kind], [rids, [], []]);
}

/** Claims of a batch by hash, each with who claims it. */
export type Claims = ReadonlyMap<bigint, Claim & { readonly claimant: Claimant }>;

/**
 * Gathers the claims of a batch.
 *
 * @throws Problem `identifier-taken` (409) when two of the batch claim one identifier
 */
export function gatherClaims(kind: Kind, claimants: readonly Claimant[]): Claims {
  const byHash = new Map<bigint, Claim & { claimant: Claimant }>();
  for (const claimant of claimants) {
    for (const claim of claimant.identifiers) {
      const other = byHash.get(claim.hash);
      if (other) throw taken(kind, { ...claim, claimant }, other.claimant.id);
      byHash.set(claim.hash, { ...claim, claimant });
    }
  }
  return byHash;
}

/** Values for the four parameters of `claimText`. */
export function claimColumns(claims: Claims): unknown[][] {
  const rows = [...claims.values()];
  return [
    rows.map((claim) => claim.hash),
    rows.map((claim) => claim.system),
    rows.map((claim) => claim.value),
    rows.map((claim) => claim.claimant.rid),
  ];
}

/** Lets holders from before go of all identifiers but those they claim now. */
export async function releaseOthers(
  ctx: Context,
  kind: Kind,
  known: readonly bigint[],
  claims: Claims,
): Promise<void> {
  if (known.length === 0) return;
  const rows = [...claims.values()];
  await ctx.db.run(RELEASE[kind], [
    known,
    rows.map((claim) => claim.claimant.rid),
    rows.map((claim) => claim.hash),
  ]);
}

/**
 * Looks at who holds what was claimed.
 *
 * @throws Problem `identifier-taken` (409), naming the holder if the actor may see it
 */
export async function judgeClaims(
  ctx: Context,
  kind: Kind,
  claims: Claims,
  held: readonly { readonly hash: bigint; readonly holder: bigint }[],
): Promise<void> {
  for (const row of held) {
    const claim = claims.get(row.hash);
    if (!claim || row.holder === claim.claimant.rid) continue;
    const type = TYPE[kind];
    const holder = (await ctx.fhir.readByRid(type, [row.holder])).get(row.holder);
    throw taken(kind, claim, holder ? `${type}/${holder.id}` : undefined);
  }
}

function taken(kind: Kind, claim: Claim & { claimant: Claimant }, holder: string | undefined) {
  const type = TYPE[kind];
  const remedy = holder
    ? `${holder}. Update that one, or send a conditional create or update on the ` +
      `identifier (ifNoneExist: identifier=${claim.system}|${claim.value}).`
    : 'somebody registered where you do not reach; ask somebody who does, and do not register again.';
  const found = problem(
    'duplicate',
    'identifier-taken',
    `The identifier ${claim.system}|${claim.value} of ${type}/${claim.claimant.id} belongs to ` +
      remedy,
    `${type}.identifier`,
  );
  return claim.claimant.place ? found.within(claim.claimant.place) : found;
}

/**
 * Who holds an identifier. Members and households have a look-up table each, of one shape, and the
 * statements are the same but for its name.
 *
 * The claim is one INSERT whose conflict answers the holder: of two writers at once the second
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

const CLAIM = {
  member: statement('households.claim-member-identifiers', claimText('member')),
  household: statement('households.claim-household-identifiers', claimText('household')),
};

const HOLDER = {
  member: statement('households.member-holder', holderText('member')),
  household: statement('households.household-holder', holderText('household')),
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

/** Rows are written in the order of their hash, so that two writers never wait in a ring. */
function claimText(kind: Kind): string {
  return `insert into ${kind}_identifier (identifier_hash, system, value, ${kind}_id)
    select c.hash, c.system, c.value, c.holder
    from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
      as c(hash, system, value, holder)
    order by c.hash
    on conflict (identifier_hash, system, value)
      do update set ${kind}_id = ${kind}_identifier.${kind}_id
    returning identifier_hash as hash, ${kind}_id as holder`;
}

function holderText(kind: Kind): string {
  return `select fhir_id from ${kind} where ${kind}_id = $1`;
}

/** Gives up all identifiers of these holders. */
export async function releaseIdentifiers(
  ctx: Context,
  kind: Kind,
  rids: readonly bigint[],
): Promise<void> {
  if (rids.length > 0) await ctx.db.run(RELEASE[kind], [rids, [], []]);
}

/**
 * Makes each claimant hold exactly its identifiers.
 *
 * @param known  claimants that may hold others from before
 * @throws Problem `identifier-taken` (409), naming the holder
 */
export async function claimIdentifiers(
  ctx: Context,
  kind: Kind,
  claimants: readonly Claimant[],
  known: readonly bigint[],
): Promise<void> {
  const claims = claimants.flatMap((claimant) =>
    claimant.identifiers.map((claim) => ({ ...claim, claimant })),
  );
  if (known.length > 0) {
    await ctx.db.run(RELEASE[kind], [
      known,
      claims.map((claim) => claim.claimant.rid),
      claims.map((claim) => claim.hash),
    ]);
  }
  const byHash = new Map<bigint, (typeof claims)[number]>();
  for (const claim of claims) {
    const other = byHash.get(claim.hash);
    if (other) throw taken(kind, claim, other.claimant.id);
    byHash.set(claim.hash, claim);
  }
  if (claims.length === 0) return;
  const rows = await ctx.db.query<{ hash: bigint; holder: bigint }>(CLAIM[kind], [
    claims.map((claim) => claim.hash),
    claims.map((claim) => claim.system),
    claims.map((claim) => claim.value),
    claims.map((claim) => claim.claimant.rid),
  ]);
  for (const row of rows) {
    const claim = byHash.get(row.hash);
    if (!claim || row.holder === claim.claimant.rid) continue;
    const holder = await ctx.db.maybe<{ fhir_id: string }>(HOLDER[kind], [row.holder]);
    throw taken(kind, claim, holder?.fhir_id ?? String(row.holder));
  }
}

function taken(kind: Kind, claim: Claim & { claimant: Claimant }, holder: string) {
  const type = TYPE[kind];
  const found = problem(
    'duplicate',
    'identifier-taken',
    `The identifier ${claim.system}|${claim.value} of ${type}/${claim.claimant.id} belongs to ` +
      `${type}/${holder}. Update that one, or send a conditional create or update on the ` +
      `identifier (ifNoneExist: identifier=${claim.system}|${claim.value}).`,
    `${type}.identifier`,
  );
  return claim.claimant.place ? found.within(claim.claimant.place) : found;
}

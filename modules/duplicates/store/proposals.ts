/**
 * Proposals to merge people whose payments are at stake. One is open for a pair at a time.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

export interface ProposalRow {
  readonly proposal_id: string;
  readonly source_version: number;
  readonly target_version: number;
  readonly result: string | null;
  readonly task_id: string;
  readonly proposed_by: string;
}

const OPEN = statement(
  'duplicates.open-proposal',
  `select * from merge_proposal where source_rid = $1 and target_rid = $2 and state = 'open' for update`,
);

/** The open proposal of a pair, locked. */
export function openProposal(
  ctx: Context,
  source: bigint,
  target: bigint,
): Promise<ProposalRow | undefined> {
  return ctx.db.maybe<ProposalRow>(OPEN, [source, target]);
}

const INSERT = statement(
  'duplicates.propose-merge',
  `insert into merge_proposal (proposal_id, source_rid, target_rid, source_version, target_version,
     result, task_id, proposed_by, proposed_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
   on conflict (source_rid, target_rid) where state = 'open' do nothing returning proposal_id`,
);

/** Writes a proposal; false when somebody proposed the same pair at the same moment. */
export async function insertProposal(
  ctx: Context,
  pair: { readonly source: bigint; readonly target: bigint },
  proposal: Omit<ProposalRow, 'proposed_by'>,
): Promise<boolean> {
  const rows = await ctx.db.query(INSERT, [
    proposal.proposal_id,
    pair.source,
    pair.target,
    proposal.source_version,
    proposal.target_version,
    proposal.result,
    proposal.task_id,
    ctx.actor.id,
    ctx.now,
  ]);
  return rows.length > 0;
}

const CLOSE = statement(
  'duplicates.close-proposal',
  `update merge_proposal set state = $2, decided_by = $3, decided_at = $4 where proposal_id = $1`,
);

/** Closes a proposal: merged by another, or lapsed because the records have changed. */
export async function closeProposal(
  ctx: Context,
  id: string,
  state: 'accepted' | 'lapsed',
): Promise<void> {
  await ctx.db.run(CLOSE, [id, state, ctx.actor.id, ctx.now]);
}

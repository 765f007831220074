/**
 * Models in the database: each is kept, with the reason where it was refused.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

const LOAD = statement(
  'duplicates.load-model',
  'select content from match_model where model_id = $1',
);

/** The text of a model. */
export async function loadModel(ctx: Context, modelId: number): Promise<string> {
  const { content } = await ctx.db.one<{ content: string }>(LOAD, [modelId]);
  return content;
}

const LATEST = statement(
  'duplicates.latest-model',
  'select model_id::int, content from match_model where accepted order by 1 desc limit 1',
);

/** The model in force; undefined: none has been learnt here. */
export async function latestModel(
  ctx: Context,
): Promise<{ readonly model_id: number; readonly content: string } | undefined> {
  return ctx.db.maybe(LATEST);
}

const SAVE = statement(
  'duplicates.save-model',
  `insert into match_model (learnt_at, people, accepted, reason, content)
   values ($1, $2, $3, $4, $5) returning model_id::int`,
);

/** Keeps a model; `reason` says why it is not used. */
export async function saveModel(
  ctx: Context,
  model: { readonly people: number; readonly content: string; readonly reason?: string },
): Promise<number> {
  const { people, content, reason } = model;
  const { model_id: id } = await ctx.db.one<{ model_id: number }>(SAVE, [
    ctx.now,
    people,
    reason === undefined,
    reason ?? null,
    content,
  ]);
  return id;
}

/**
 * The weights in force: those that the registry's own records taught, or the shipped ones, and how
 * common the values at hand are.
 *
 * The shipped model was learnt on invented households (`evaluate/synthetic`, 30,000 people, seed
 * 41); fields that those do not have carry what is expected of errors in general.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Context } from '../../../src/sdk/index.ts';
import type { Model } from '../matching/model.ts';
import { readCounts, readWeights } from '../store/candidates.ts';
import { loadModel } from '../store/models.ts';
import { Counts } from './counts.ts';
import type { Desk, Judge } from './desk.ts';

/** A model with the size of the registry that taught it, as it is stored. */
export interface TaughtModel {
  readonly people: number;
  readonly model: Model;
}

/** Registries of fewer people are taken to have so many: λ is a share of all pairs. */
const PEOPLE_MIN = 1_000;
const LAMBDA_MAX = 0.01;
/** Growth since the last count after which values are counted again. */
const OUTGROWN_FACTOR = 1.5;
const OUTGROWN_MIN = 1_000;

export const SHIPPED = JSON.parse(
  readFileSync(join(import.meta.dirname, 'default-model.json'), 'utf8'),
) as TaughtModel;

/** Models read lately, by number and hash of their text. */
const models = new LRUCache<string, TaughtModel>({ max: 8 });

/**
 * The model for a registry of so many people: each record has about as many duplicates and
 * household members as where it was learnt, so their shares of all pairs fall as the registry grows.
 */
export function fitted({ people, model }: TaughtModel, size: number): Model {
  const scale = Math.max(people, PEOPLE_MIN) / Math.max(size, PEOPLE_MIN);
  return {
    ...model,
    lambdaM: Math.min(LAMBDA_MAX, model.lambdaM * scale),
    lambdaH: Math.min(20 * LAMBDA_MAX, model.lambdaH * scale),
  };
}

/** Who judges the pairs of a desk, and by what. */
export interface Judgement {
  readonly judge: Judge;
  /** Undefined: the shipped model. */
  readonly modelId: number | undefined;
  /** The registry has grown so much that values should be counted again before the night. */
  readonly outgrown: boolean;
}

/**
 * Reads what a desk needs, and answers who judges its pairs.
 *
 * @param pMin  candidates less likely are left out
 */
export async function judgeOf(ctx: Context, desk: Desk, pMin: number): Promise<Judgement> {
  const { counts, model, people } = await readWeights(ctx, desk.wanted());
  const held = new Counts(counts);
  const taught = model === undefined ? SHIPPED : await taughtModel(ctx, model);
  const size = Math.max(people, held.people);
  const judge = desk.under(fitted(taught, size), held, pMin);
  const rivals = judge.rivals();
  if (rivals.length > 0) held.learn(await readCounts(ctx, rivals));
  const outgrown = size > OUTGROWN_FACTOR * held.people + OUTGROWN_MIN;
  return { judge, modelId: model?.id, outgrown };
}

async function taughtModel(
  ctx: Context,
  { id, hash }: { readonly id: number; readonly hash: number },
): Promise<TaughtModel> {
  const key = `${id} ${hash}`;
  const known = models.get(key);
  if (known) return known;
  const read = JSON.parse(await loadModel(ctx, id)) as TaughtModel;
  models.set(key, read);
  return read;
}

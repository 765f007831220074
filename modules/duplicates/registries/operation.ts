/**
 * `Patient/$link-registries`: who of one registry is who of another, written as Linkages. Both records
 * stay as they are, for each has its own custodian; whoever reads one finds the other by the Linkage.
 *
 * Only pairs as certain as asked for are linked by machine; less likely ones stay suspicions for people,
 * whose verdict with `keep-apart` writes the same Linkage. A Linkage that somebody has ended (`active`
 * false) or deleted is not written again.
 *
 * Spec: https://hl7.org/fhir/R4/linkage.html
 */

import { createHash } from 'node:crypto';
import type { BundleEntry, Linkage, Parameters, ParametersParameter } from '@medplum/fhirtypes';
import {
  type Context,
  identifierSystem,
  inputParameter,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  Problem,
  parameterIn,
  problem,
} from '../../../src/sdk/index.ts';
import { refuseMasked } from '../match.ts';
import { actorReference, createEntry, updateEntry, writeAll } from '../merge/cases.ts';
import { LINK } from '../permissions.ts';
import { type LinkedPair, pairsAcross } from './pairs.ts';

/** Links written by one call: it is one transaction. */
const LINKS_MAX = 1_000;
/** As sure as what is graded certain. */
const USUAL_MIN = 0.999;

export const linkRegistriesOperation: Operation = {
  definition: {
    resourceType: 'OperationDefinition',
    url: operationDefinition('link-registries'),
    name: 'LinkRegistries',
    title: 'Link two registries one to one',
    status: 'active',
    kind: 'operation',
    code: 'link-registries',
    description:
      'Writes a Linkage for each two records of one person in two registries, each record in one at ' +
      'most, by what the last comparison found. At most 1,000 a call; left says how many more there ' +
      'are. preview writes nothing.',
    affectsState: true,
    resource: ['Patient'],
    system: false,
    type: true,
    instance: false,
    parameter: [
      {
        ...inputParameter('one', 'uri', 'meta.source or identifier.system of a registry.'),
        min: 1,
      },
      { ...inputParameter('other', 'uri', 'The same of the other registry.'), min: 1 },
      inputParameter('minimum', 'decimal', 'Probability from .5 to 1 that a link needs; .999.'),
      inputParameter('preview', 'boolean', 'Write nothing.'),
      outputParameter('linked', 'integer', 1),
      outputParameter('standing', 'integer', 1),
      outputParameter('doubtful', 'integer', 1),
      outputParameter('left', 'integer', 1),
      {
        name: 'link',
        use: 'out',
        min: 0,
        max: '*',
        part: [
          outputParameter('one', 'Reference', 1),
          outputParameter('other', 'Reference', 1),
          outputParameter('score', 'decimal', 1),
          outputParameter('linkage', 'Reference', 0),
        ],
      },
    ],
  },
  permission: LINK,
  run,
};

interface Asked {
  readonly one: string;
  readonly other: string;
  readonly minimum: number;
  readonly preview: boolean;
}

async function run(ctx: Context, input: OperationInput): Promise<Parameters> {
  refuseMasked(ctx);
  const asked = askedIn(input);
  const pairs = await pairsAcross(ctx, asked.one, asked.other);
  const sure = pairs.filter(({ p }) => p >= asked.minimum);
  const fresh: LinkedPair[] = [];
  let standing = 0;
  for (const each of sure) {
    if (fresh.length >= LINKS_MAX) break;
    if (await isKnown(ctx, linkageId(each))) standing += 1;
    else fresh.push(each);
  }
  if (!asked.preview && fresh.length > 0) await write(ctx, fresh, asked);
  const count = (name: string, valueInteger: number): ParametersParameter => ({
    name,
    valueInteger,
  });
  return {
    resourceType: 'Parameters',
    parameter: [
      count('linked', asked.preview ? 0 : fresh.length),
      count('standing', standing),
      count('doubtful', pairs.length - sure.length),
      count('left', sure.length - standing - (asked.preview ? 0 : fresh.length)),
      ...fresh.map((each) => linkParameter(each, asked.preview)),
    ],
  };
}

function askedIn(input: OperationInput): Asked {
  const uri = (name: string): string => parameterIn(input, name)?.valueUri ?? '';
  const [one, other] = [uri('one'), uri('other')];
  if (one === '' || other === '' || one === other) {
    throw problem('value', 'link-registries', 'one and other name two registries.', 'other');
  }
  const minimum = parameterIn(input, 'minimum')?.valueDecimal ?? USUAL_MIN;
  if (!(minimum >= 0.5 && minimum <= 1)) {
    throw problem('value', 'link-minimum', 'minimum is a probability from 0.5 to 1.', 'minimum');
  }
  const preview = parameterIn(input, 'preview')?.valueBoolean === true;
  return { one, other, minimum, preview };
}

/** The same id whenever two records are linked: asked for twice, they are linked once. */
function linkageId({ one, other }: LinkedPair): string {
  return createHash('sha256').update(`link ${one} ${other}`).digest('hex').slice(0, 40);
}

/** True for a Linkage that stands, was ended, or was deleted. */
async function isKnown(ctx: Context, id: string): Promise<boolean> {
  try {
    await ctx.fhir.read<Linkage>('Linkage', id);
    return true;
  } catch (error) {
    if (!(error instanceof Problem) || (error.status !== 404 && error.status !== 410)) throw error;
    return error.status === 410;
  }
}

async function write(ctx: Context, pairs: readonly LinkedPair[], asked: Asked): Promise<void> {
  const entries = pairs.map((each): BundleEntry => updateEntry(linkageOf(each), undefined));
  await writeAll(ctx, [
    ...entries,
    createEntry({
      resourceType: 'Provenance',
      target: pairs.map((each) => ({ reference: `Linkage/${linkageId(each)}` })),
      recorded: ctx.now.toISOString(),
      activity: {
        coding: [
          { system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle', code: 'link' },
        ],
      },
      agent: [{ who: actorReference(ctx) }],
      entity: [asked.one, asked.other].map((value) => ({
        role: 'source' as const,
        what: { identifier: { system: identifierSystem('registry'), value } },
      })),
    }),
  ]);
  ctx.audit({
    action: 'U',
    interaction: '$link-registries',
    type: 'Linkage',
    detail: { linked: pairs.length, minimum: asked.minimum },
  });
}

function linkageOf(pair: LinkedPair): Linkage {
  return {
    resourceType: 'Linkage',
    id: linkageId(pair),
    active: true,
    item: [
      { type: 'source', resource: { reference: `Patient/${pair.one}` } },
      { type: 'alternate', resource: { reference: `Patient/${pair.other}` } },
    ],
  };
}

function linkParameter(pair: LinkedPair, preview: boolean): ParametersParameter {
  const reference = (name: string, to: string): ParametersParameter => ({
    name,
    valueReference: { reference: to },
  });
  return {
    name: 'link',
    part: [
      reference('one', `Patient/${pair.one}`),
      reference('other', `Patient/${pair.other}`),
      { name: 'score', valueDecimal: Math.round(pair.p * 1e6) / 1e6 },
      ...(preview ? [] : [reference('linkage', `Linkage/${linkageId(pair)}`)]),
    ],
  };
}

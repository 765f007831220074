/**
 * `Group/$merge`: two registrations of one household become one. Ours: R4 and R5 know it for Patients
 * only; its parameters and answers are of the same form.
 *
 * Members who stand in both households are named by `member`, and merged as `Patient/$merge` would; all
 * others move. A preview lists whom the matching takes for one person, and names nobody by itself.
 */

import type {
  Group,
  OperationDefinition,
  Parameters,
  ParametersParameter,
  Patient,
} from '@medplum/fhirtypes';
import {
  type Context,
  inputParameter,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  type Problem,
  parameterIn,
  problem,
} from '../../../src/sdk/index.ts';
import { isHousehold } from '../../households/index.ts';
import { refuseMasked } from '../match.ts';
import { settleMerged } from '../review/settle.ts';
import { type MemberTie, tiesBetween } from '../store/households.ts';
import { lockForMerge } from '../store/merge-locks.ts';
import { formerGroupRids } from '../store/merges.ts';
import {
  answer,
  EFFECT,
  effects,
  issue,
  namedBy,
  PREVIEW,
  proposed,
  taskParameter,
  unwritten,
  withParts,
} from './answer.ts';
import {
  type Against,
  checkDecided,
  decidedAgainst,
  OVERRULE,
  overruleDecided,
  overruleIn,
  type ToBeOne,
} from './decided.ts';
import { mergeGroups, type PreparedGroups, prepareGroups, type WantedGroups } from './group.ts';
import { isReplacedGroup } from './group-plan.ts';
import { rowOf } from './household.ts';
import { MERGE } from './operations.ts';
import { householdsNeedTwo, needsTwo, type Proposed, secondPerson } from './propose.ts';
import { byReference, checkPair, recordOf } from './resolve.ts';

const SIDES = ['source', 'target'] as const;

const definition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: operationDefinition('group-merge'),
  name: 'GroupMerge',
  title: 'Merge two registrations of one household',
  status: 'active',
  kind: 'operation',
  code: 'merge',
  description:
    'The source becomes inactive and is replaced by the target: its members move there, those named by ' +
    'member are merged, and enrolments, holds and tasks that live go with them. What is settled stays. ' +
    'preview writes nothing. Where payments are at stake the first call proposes, and the call of ' +
    'another person merges. Group/$unmerge takes it back.',
  affectsState: true,
  resource: ['Group'],
  system: false,
  type: true,
  instance: false,
  parameter: [
    ...namedBy('source-group', 'The household that is replaced.'),
    ...namedBy('target-group', 'The household that remains.'),
    withParts(
      'in',
      'member',
      'Members of source and target who are one person.',
      SIDES.map((side) => ({
        ...inputParameter(side, 'Reference', `The record of the ${side}.`),
        min: 1,
      })),
    ),
    OVERRULE,
    PREVIEW,
    outputParameter('input', 'Parameters', 1),
    outputParameter('outcome', 'OperationOutcome', 1),
    outputParameter('result', 'Group', 0),
    outputParameter('task', 'Reference', 0, '*'),
    withParts('out', 'match', 'Of a preview: members who may be one person, the likeliest first.', [
      ...SIDES.map((side) => outputParameter(side, 'Reference', 1)),
      outputParameter('score', 'decimal', 1),
    ]),
    EFFECT,
  ],
};

export const groupMergeOperation: Operation = { definition, permission: MERGE, run };

async function run(ctx: Context, input: OperationInput): Promise<Parameters> {
  refuseMasked(ctx);
  const wanted = await wantedOf(ctx, input);
  const preview = parameterIn(input, 'preview')?.valueBoolean === true;
  if (!preview) await lockForMerge(ctx, recordsIn(wanted));
  const prepared = await prepareGroups(ctx, wanted);
  const pairs = await pairsOf(ctx, prepared);
  const against = await decidedAgainst(ctx, pairs, overruleIn(input));
  if (preview) return previewed(input, prepared, against, await tiesOf(ctx, prepared));
  checkDecided(against);
  checkConflicts(prepared);
  const standing = await secondPerson(ctx, await proposedMerge(ctx, prepared, pairs, against));
  if (!standing.may) return proposed(input, standing.task, 'versions and members');
  await overruleDecided(ctx, against);
  const ready = (await settled(ctx, pairs)) ? await prepareGroups(ctx, wanted) : prepared;
  const done = await mergeGroups(ctx, ready, standing.proposedBy);
  const { source, target } = wanted;
  ctx.audit({
    action: 'U',
    interaction: '$merge',
    type: 'Group',
    id: target.id!,
    detail: { merge: done.id, resources: ready.after.size, members: wanted.members.length },
  });
  return answer(
    input,
    [issue('information', `Group/${source.id} was merged into Group/${target.id}.`)],
    [
      { name: 'result', resource: await ctx.fhir.read<Group>('Group', target.id!) },
      ...done.tasks.map(taskParameter),
      ...effects(ready.after),
    ],
  );
}

/** Settles the suspicions about the household and the members that are replaced. */
async function settled(ctx: Context, pairs: readonly ToBeOne[]): Promise<boolean> {
  let any = false;
  for (const { source, target } of pairs) {
    const found = await settleMerged(ctx, source.rid, target.rid);
    any = found || any;
  }
  return any;
}

function recordsIn({ source, target, members }: WantedGroups): string[] {
  return [source, target, ...members.flat()].map(({ resourceType, id }) => `${resourceType}/${id}`);
}

/** The households, and the members, that are to become one. */
async function pairsOf(ctx: Context, prepared: PreparedGroups): Promise<ToBeOne[]> {
  const { wanted, sourceRid, targetRid } = prepared;
  const ids = wanted.members.flat().map(({ id }) => id!);
  const rids = await ctx.fhir.rids('Patient', ids);
  const record = (id: string) => ({ id, rid: rids.get(id)! });
  return [
    {
      type: 'Group',
      source: { id: wanted.source.id!, rid: sourceRid },
      target: { id: wanted.target.id!, rid: targetRid },
    },
    ...wanted.members.map(
      ([one, other]): ToBeOne => ({
        type: 'Patient',
        source: record(one.id!),
        target: record(other.id!),
      }),
    ),
  ];
}

/** What two people have to agree on. */
async function proposedMerge(
  ctx: Context,
  prepared: PreparedGroups,
  pairs: readonly ToBeOne[],
  { decided }: Against,
): Promise<Proposed> {
  const { wanted, sourceRid, targetRid } = prepared;
  const { source, target, members } = wanted;
  const versions = members.map((pair) =>
    pair.map(({ id, meta }) => `${id}/_history/${meta?.versionId}`),
  );
  const all = [sourceRid, targetRid];
  const people = pairs
    .filter(({ type }) => type === 'Patient')
    .flatMap((pair) => [pair.source.rid, pair.target.rid]);
  for (const { id } of [source, target]) all.push(...(await formerGroupRids(ctx, id!)));
  return {
    ...{ source, target, sourceRid, targetRid },
    result: members.length > 0 ? JSON.stringify(versions) : null,
    needsTwo: async (unit) =>
      decided.length > 0 || (await householdsNeedTwo(unit, all)) || needsTwo(unit, people),
  };
}

// ── what is asked ────────────────────────────────────────────────────────────────────────────

async function wantedOf(ctx: Context, input: OperationInput): Promise<WantedGroups> {
  const source = await recordOf<Group>(ctx, input, 'source', 'Group');
  const target = await recordOf<Group>(ctx, input, 'target', 'Group');
  checkGroups(source, target);
  const members: [Patient, Patient][] = [];
  const today = ctx.now.toISOString().slice(0, 10);
  const given = (input.parameters.parameter ?? []).filter(({ name }) => name === 'member');
  for (const [at, each] of given.entries()) {
    const pair = await pairOf(ctx, each, `member[${at}]`);
    checkMembers(pair, [source, target], today, `member[${at}]`);
    if (members.some(([one]) => one.id === pair[0].id)) {
      throw wrongMember(`Patient/${pair[0].id} is named twice.`, `member[${at}].source`);
    }
    members.push(pair);
  }
  return { source, target, members };
}

async function pairOf(
  ctx: Context,
  given: ParametersParameter,
  place: string,
): Promise<[Patient, Patient]> {
  const side = async (name: string): Promise<Patient> => {
    const part = given.part?.find((each) => each.name === name);
    return byReference<Patient>(ctx, part?.valueReference ?? {}, 'Patient', `${place}.${name}`);
  };
  return [await side('source'), await side('target')];
}

function checkGroups(source: Group, target: Group): void {
  const refuse = (says: string, at: string): never => {
    throw problem('business-rule', 'merge-refused', says, `${at}-group`);
  };
  if (source.id === target.id) refuse('Source and target are one household.', 'source');
  for (const [side, group] of [
    ['source', source],
    ['target', target],
  ] as const) {
    if (!isHousehold(group)) refuse(`Group/${group.id} is no household.`, side);
    if (isReplacedGroup(group)) {
      refuse(`Group/${group.id} has been replaced; merge the one that remains.`, side);
    }
  }
  if (target.active === false) {
    refuse(`Group/${target.id} is not active; a household is merged into an active one.`, 'target');
  }
}

function checkMembers(
  pair: readonly [Patient, Patient],
  groups: readonly [Group, Group],
  today: string,
  place: string,
): void {
  checkPair(...pair);
  for (const [at, side] of (['source', 'target'] as const).entries()) {
    const [patient, group] = [pair[at]!, groups[at]!];
    if (rowOf(group, patient.id!, today)) continue;
    const says = `Patient/${patient.id} is no member of Group/${group.id} now.`;
    throw wrongMember(says, `${place}.${side}`);
  }
}

function wrongMember(says: string, place: string): Problem {
  return problem('business-rule', 'merge-member', says, place);
}

/** @throws Problem merge-conflict (422), naming each field that has to be decided first */
function checkConflicts({ conflicts, wanted }: PreparedGroups): void {
  if (conflicts.length === 0) return;
  const fields = conflicts.map(({ member, conflict }) => `Patient/${member} ${conflict.field}`);
  throw problem(
    'business-rule',
    'merge-conflict',
    `The records of members differ (${fields.join(', ')}); merge these people first by Patient/$merge ` +
      'with result-patient.',
    `member[${wanted.members.findIndex(([{ id }]) => id === conflicts[0]!.member)}]`,
  );
}

// ── what is shown ────────────────────────────────────────────────────────────────────────────

async function tiesOf(ctx: Context, { sourceRid, targetRid }: PreparedGroups) {
  return tiesBetween(ctx, sourceRid, targetRid);
}

function previewed(
  input: OperationInput,
  prepared: PreparedGroups,
  against: Against,
  ties: readonly MemberTie[],
): Parameters {
  const { after, followUps, conflicts, wanted } = prepared;
  const named = new Set(wanted.members.flat().map(({ id }) => id));
  const result = after.get(`Group/${wanted.target.id}`) as unknown as Group;
  const unnamed = ties.filter(({ one, other }) => !named.has(one) && !named.has(other));
  const issues = [
    issue('information', `A preview; nothing was written. ${after.size} resources would change.`),
    ...against.says.map((says) => issue('warning', `${says}; a merge needs overrule.`)),
    ...conflicts.map(({ member, conflict }) =>
      issue('warning', `Patient/${member}: the records differ in ${conflict.field}.`),
    ),
    ...unnamed.map(({ one, other }) =>
      issue(
        'warning',
        `Patient/${one} and Patient/${other} may be one person; name them as member, or both stay.`,
      ),
    ),
    ...followUps.map(({ focus, says }) => issue('warning', `${focus}: ${says}`)),
  ];
  return answer(input, issues, [
    { name: 'result', resource: unwritten(result) },
    ...ties.map(matchParameter),
    ...effects(after),
  ]);
}

function matchParameter({ one, other, p }: MemberTie): ParametersParameter {
  return {
    name: 'match',
    part: [
      { name: 'source', valueReference: { reference: `Patient/${one}` } },
      { name: 'target', valueReference: { reference: `Patient/${other}` } },
      { name: 'score', valueDecimal: Math.round(p * 1e6) / 1e6 },
    ],
  };
}

/**
 * Operations: link one household, or all that wait.
 */

import type { OperationDefinition, Parameters } from '@medplum/fhirtypes';
import {
  type Context,
  localId,
  type Operation,
  type OperationInput,
  operationDefinition,
  parameterIn,
  permission,
  problem,
} from '../../src/sdk/index.ts';
import { linkAllWaiting, linkHouseholds, noRoom } from './link.ts';
import { choosePayPoint, countUnlinked, linkOf, takeTurns } from './store/links.ts';

export const LINK_PAY_POINT = permission('pay-points.link', 'link households to pay points');

const linkDefinition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: operationDefinition('link-pay-point'),
  name: 'LinkPayPoint',
  title: 'Link a household to a pay point',
  status: 'active',
  kind: 'operation',
  code: 'link-pay-point',
  description:
    'Links the household to the pay point that is named, or to the nearest one with room. ' +
    'Answers the link in force.',
  affectsState: true,
  resource: ['Group'],
  system: false,
  type: false,
  instance: true,
  parameter: [
    { name: 'pay-point', use: 'in', min: 0, max: '1', type: 'Reference' },
    { name: 'pay-point', use: 'out', min: 1, max: '1', type: 'Reference' },
    { name: 'basis', use: 'out', min: 1, max: '1', type: 'code' },
    { name: 'distance', use: 'out', min: 0, max: '1', type: 'Quantity' },
  ],
};

async function runLink(ctx: Context, input: OperationInput): Promise<Parameters> {
  const household = (await ctx.fhir.rids('Group', [input.id ?? ''])).get(input.id ?? '');
  if (household === undefined) {
    throw problem('not-found', 'unknown-resource', `Group/${input.id} is not known here.`);
  }
  const wish = parameterIn(input, 'pay-point');
  if (wish) await choose(ctx, household, wish.valueReference?.reference);
  else await linkHouseholds(ctx, [household]);
  const link = await linkOf(ctx, household);
  if (!link) throw noRoom();
  return {
    resourceType: 'Parameters',
    parameter: [
      {
        name: 'pay-point',
        valueReference: { reference: `Location/${link.pay_point_fhir_id}` },
      },
      { name: 'basis', valueCode: link.basis },
      ...(link.distance_metres === null
        ? []
        : [{ name: 'distance', valueQuantity: inMetres(link.distance_metres) }]),
    ],
  };
}

function inMetres(value: number) {
  return { value, unit: 'm', system: 'http://unitsofmeasure.org', code: 'm' };
}

async function choose(ctx: Context, household: bigint, reference: string | undefined) {
  const id = localId(reference, 'Location');
  const payPoint = id === undefined ? undefined : (await ctx.fhir.rids('Location', [id])).get(id);
  if (id === undefined || payPoint === undefined) {
    throw problem(
      'unprocessable-reference',
      'reference-unknown',
      'Name a pay point that is known here as Location/id.',
      'pay-point',
    );
  }
  await takeTurns(ctx);
  if (!(await choosePayPoint(ctx, household, payPoint))) throw noRoom(id);
}

const linkAllDefinition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: operationDefinition('link-pay-points'),
  name: 'LinkPayPoints',
  title: 'Link all households that wait for a pay point',
  status: 'active',
  kind: 'operation',
  code: 'link-pay-points',
  description: 'Links every active household without a pay point, and counts those left over.',
  affectsState: true,
  resource: ['Location'],
  system: false,
  type: true,
  instance: false,
  parameter: [
    { name: 'linked', use: 'out', min: 1, max: '1', type: 'integer' },
    { name: 'waiting', use: 'out', min: 1, max: '1', type: 'integer' },
  ],
};

async function runLinkAll(ctx: Context): Promise<Parameters> {
  const linked = await linkAllWaiting(ctx);
  const waiting = await countUnlinked(ctx);
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'linked', valueInteger: Number(linked) },
      { name: 'waiting', valueInteger: Number(waiting) },
    ],
  };
}

export const operations: readonly Operation[] = [
  { definition: linkDefinition, permission: LINK_PAY_POINT, run: runLink },
  { definition: linkAllDefinition, permission: LINK_PAY_POINT, run: runLinkAll },
];

/**
 * Pay points: areas, the places where money is handed out, and which household collects where.
 *
 * Other rooms join the published views `pay_points_area`, `pay_points_pay_point` and
 * `pay_points_link` (`migrations/0070_pay_points_places.sql`).
 */

import type { Location } from '@medplum/fhirtypes';
import type { Module, ResourceWrite } from '../../src/sdk/index.ts';
import { structureDefinition } from '../../src/sdk/index.ts';
import { linkAllHandler, linkReactions, PAY_POINT_DISTANCE_MAX_KM } from './link.ts';
import { measures } from './measures.ts';
import { LINK_PAY_POINT, operations } from './operations.ts';
import { projectLocations } from './project.ts';

export { PAY_POINT_DISTANCE_MAX_KM } from './link.ts';
export { isArea, readArea } from './location.ts';
export { LINK_PAY_POINT } from './operations.ts';

export const payPoints: Module = {
  name: 'pay-points',
  title: 'Pay points',
  dependsOn: ['indicators', 'households'],
  settings: [PAY_POINT_DISTANCE_MAX_KM],
  permissions: [LINK_PAY_POINT],
  resources: [
    {
      kept: 'stored',
      type: 'Location',
      profile: structureDefinition('pay-point'),
      project: (ctx, writes) => projectLocations(ctx, writes as readonly ResourceWrite<Location>[]),
    },
  ],
  operations,
  reactions: linkReactions,
  jobs: [linkAllHandler],
  contributes: measures,
};

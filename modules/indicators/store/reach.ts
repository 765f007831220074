/**
 * How areas and schemes limit reports: a report is of an area with all that is in it, so that it is
 * exact for whoever reaches the area. It has figures of all schemes, and is for nobody who is limited
 * to some. What indicators there are is open.
 */

import { contribute, reachRule, structureDefinition } from '../../../src/sdk/index.ts';

const MEASURE = structureDefinition('indicator');
const REPORT = structureDefinition('indicator-report');
const limits = ['areas', 'schemes'] as const;

/** Rules for Measures and MeasureReports. */
export const reachRules = [
  ...limits.map((kind) =>
    contribute(reachRule, {
      limits: kind,
      type: 'Measure',
      profile: MEASURE,
      partly: true,
      test: () => 'true',
    }),
  ),
  contribute(reachRule, {
    limits: 'areas',
    type: 'MeasureReport',
    profile: REPORT,
    partly: true,
    test: (row, reach) => `${row}.area_id = any(${reach})`,
  }),
  contribute(reachRule, {
    limits: 'schemes',
    type: 'MeasureReport',
    profile: REPORT,
    test: () => 'false',
  }),
];

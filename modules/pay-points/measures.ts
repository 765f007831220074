/**
 * The tree of areas, by which the indicators of all rooms are added up.
 */

import { contribute } from '../../src/sdk/index.ts';
import { areaTree } from '../indicators/index.ts';

/** What the room brings to the indicators. */
export const measures = [
  contribute(areaTree, {
    text: `select area_id, fhir_id, name, code, dhis2_uid, path, active from pay_points_area`,
  }),
];

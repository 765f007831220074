/**
 * Events of the room, for whoever passes figures on.
 */

import { event } from '../../src/sdk/index.ts';

/** A period of a Measure was closed, or closed again with other figures. */
export const periodClosed = event<{
  readonly measureId: string;
  readonly startsOn: string;
  readonly endsOn: string;
  readonly version: number;
}>('indicators.period-closed', 'a period was closed; its reports are complete');

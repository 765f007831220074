/**
 * Indicators: figures by area, sex, age and month, as Measure and MeasureReport, and as DHIS2 takes
 * them. It knows nobody: each room brings its own indicators by `indicatorSource`.
 */

import type { Module } from '../../src/sdk/index.ts';
import { closeDue, closeHandlers } from './close.ts';
import { mappingBinding } from './dhis2/mapping.ts';
import { reportBinding } from './evaluate.ts';
import { measureBinding } from './measure.ts';
import { operations } from './operations.ts';
import { AGE_BOUNDS, CLOSE, CLOSE_AFTER_DAYS, READ, TIME_ZONE } from './settings.ts';
import { reachRules } from './store/reach.ts';

export { closePeriod } from './close.ts';
export type { Category, Dimension } from './dimensions.ts';
export { evaluate } from './evaluate.ts';
export { periodClosed } from './events.ts';
export {
  type AreaTree,
  areaTree,
  type Indicator,
  type IndicatorQuestion,
  type IndicatorSource,
  indicatorSource,
} from './indicator.ts';
export { AGE_BOUNDS } from './settings.ts';
export {
  type Cell,
  FORMAT_PARAMETER,
  FORMATS,
  type Format,
  fileAnswer,
  formatOf,
  type Sheet,
  sheetNames,
  toCsv,
  toXlsx,
} from './sheet.ts';

/** The room of indicators. */
export const indicators: Module = {
  name: 'indicators',
  title: 'Indicators',
  settings: [AGE_BOUNDS, CLOSE_AFTER_DAYS, TIME_ZONE],
  permissions: [READ, CLOSE],
  resources: [measureBinding, reportBinding, mappingBinding],
  operations,
  contributes: reachRules,
  jobs: closeHandlers,
  schedule: [
    { at: '20 2 * * *', job: closeDue, does: 'closes the months that are over long enough' },
  ],
};

/**
 * Measures as FHIR: what is reported together, how each indicator is counted and split.
 *
 * Generated from the indicators that rooms bring; the row in `indicator_measure` gives identity and
 * version. Spec: https://hl7.org/fhir/R4/measure.html, https://profiles.ihe.net/QRPH/mADX/
 */

import type { Expression, Measure, MeasureGroup, RelatedArtifact } from '@medplum/fhirtypes';
import {
  type Context,
  type ProjectedBinding,
  type ProjectedRow,
  structureDefinition,
  valueSet,
} from '../../src/sdk/index.ts';
import { DIMENSIONS, type Dimension } from './dimensions.ts';
import { type Indicator, indicatorSource } from './indicator.ts';
import { dimensionCode, INDICATORS } from './measure-report.ts';

/** Indicators of a Measure, in the order in which rooms bring them. */
export function indicatorsOf(ctx: Pick<Context, 'parts'>, measureId: string): Indicator[] {
  return ctx
    .parts(indicatorSource)
    .filter((source) => source.measure === measureId)
    .flatMap((source) => source.indicators);
}

/** Measures, shown from their rows. */
export const measureBinding: ProjectedBinding = {
  kept: 'projected',
  type: 'Measure',
  profile: structureDefinition('indicator'),
  view: 'indicator_measure_fhir',
  search: {
    url: { type: 'uri', column: 'url' },
    name: { type: 'string', column: 'id' },
    title: { type: 'string', column: 'title' },
    status: {
      type: 'token',
      column: 'status',
      system: 'http://hl7.org/fhir/publication-status',
    },
  },
  render: async (ctx, rows) => rows.map((row) => measure(row, indicatorsOf(ctx, row.id))),
};

function measure(row: ProjectedRow, indicators: readonly Indicator[]): Measure {
  return {
    resourceType: 'Measure',
    url: row.url as string,
    version: String(row.version),
    name: row.id.charAt(0).toUpperCase() + row.id.slice(1),
    title: row.title as string,
    status: 'active',
    subjectCodeableConcept: {
      coding: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Location' }],
    },
    publisher: 'Amana',
    relatedArtifact: artifacts(indicators),
    group: indicators.map(measureGroup),
  };
}

function measureGroup(indicator: Indicator): MeasureGroup {
  return {
    code: { coding: [{ system: INDICATORS, code: indicator.code, display: indicator.title }] },
    description: `${indicator.means} (${indicator.kind}, ${indicator.unit})`,
    population: [
      {
        code: {
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/measure-population',
              code: 'initial-population',
            },
          ],
        },
        criteria: criterion(indicator.code),
      },
    ],
    stratifier: indicator.splits.map((split) => ({
      component: split.map((dimension) => {
        const code = dimensionCode(indicator, dimension);
        return {
          code: { coding: [{ system: DIMENSIONS, code }] },
          criteria: criterion(code),
        };
      }),
    })),
  };
}

/** R4's binding is extensible: the criteria are SQL of the rooms, named here by their code. */
const LANGUAGE: string = 'text/plain';

function criterion(expression: string): Expression {
  return { language: LANGUAGE as Expression['language'], expression };
}

const FIXED: Readonly<Partial<Record<Dimension, string>>> = {
  sex: 'http://hl7.org/fhir/ValueSet/administrative-gender',
  age: valueSet('age-band'),
};

/** mADX: the value set of each stratifier, labelled with its code. */
function artifacts(indicators: readonly Indicator[]): RelatedArtifact[] {
  const found = new Map<string, string>();
  for (const indicator of indicators) {
    for (const dimension of indicator.splits.flat()) {
      const url = dimension === 'category' ? indicator.category?.system : FIXED[dimension];
      if (url) found.set(dimensionCode(indicator, dimension), url);
    }
  }
  return [...found].map(([label, url]) => ({ type: 'depends-on', label, url }));
}

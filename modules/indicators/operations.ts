/**
 * Operations of the room: evaluation, closing, and the renderings for DHIS2.
 *
 * Spec: https://hl7.org/fhir/R4/measure-operation-evaluate-measure.html
 */

import type { OperationDefinition, Parameters, ParametersParameter } from '@medplum/fhirtypes';
import {
  type Context,
  type Operation,
  type OperationInput,
  operationDefinition,
  parameterIn,
  parseReference,
  problem,
  type RawAnswer,
} from '../../src/sdk/index.ts';
import { closePeriod } from './close.ts';
import { etagOf, FORMATS, type Rendering, renderAdx, renderDataValueSet } from './dhis2/render.ts';
import { setOfReport, setsByName } from './dhis2/sets.ts';
import { evaluate } from './evaluate.ts';
import { type ReportingPeriod, readPeriod } from './period.ts';
import { CLOSE, READ } from './settings.ts';

type Parameter = NonNullable<OperationDefinition['parameter']>[number];

function parameter(name: string, type: Parameter['type'], min: 0 | 1 = 0): Parameter {
  return { name, use: 'in', min, max: '1', type };
}

function definition(
  code: string,
  resource: 'Measure' | 'MeasureReport',
  description: string,
  parameters: Parameter[],
  where: { type?: boolean; affectsState?: boolean } = {},
): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    url: operationDefinition(code),
    name: code.replaceAll('-', ''),
    status: 'active',
    kind: 'operation',
    code,
    description,
    resource: [resource],
    affectsState: where.affectsState ?? false,
    system: false,
    type: where.type ?? false,
    instance: true,
    parameter: parameters,
  };
}

/** The text of a parameter, of whatever type it was sent. */
function given(input: OperationInput, name: string): string | undefined {
  const found = parameterIn(input, name);
  if (!found) return undefined;
  const value =
    found.valueString ??
    found.valueDate ??
    found.valueCode ??
    found.valueReference?.reference ??
    found.valueBoolean;
  return value === undefined ? undefined : String(value);
}

function periodOf(input: OperationInput): ReportingPeriod {
  return readPeriod(given(input, 'periodStart') ?? '', given(input, 'periodEnd') ?? '');
}

const PERIOD = [parameter('periodStart', 'date', 1), parameter('periodEnd', 'date', 1)];

async function areaOf(ctx: Context, subject: string | undefined): Promise<bigint | undefined> {
  if (subject === undefined) return undefined;
  const parsed = parseReference(subject) ?? { type: 'Location', id: subject };
  const rid =
    parsed.type === 'Location'
      ? (await ctx.fhir.rids('Location', [parsed.id])).get(parsed.id)
      : undefined;
  if (rid !== undefined) return rid;
  throw problem('value', 'area-unknown', `"${subject}" is no known Location.`, 'subject');
}

function checkReportType(input: OperationInput): void {
  const wanted = given(input, 'reportType') ?? 'population';
  if (wanted === 'population') return;
  throw problem(
    'not-supported',
    'report-type',
    'Indicators are reported for populations only: reportType=population.',
    'reportType',
  );
}

const evaluateMeasure: Operation = {
  permission: READ,
  definition: definition(
    'evaluate-measure',
    'Measure',
    'Figures of a period in an area (subject=Location) or the whole: those kept where the period ' +
      'is closed (status complete), else as they are now (status pending).',
    [...PERIOD, parameter('subject', 'string'), parameter('reportType', 'code')],
  ),
  async run(ctx, input) {
    checkReportType(input);
    const period = periodOf(input);
    return evaluate(ctx, input.id!, period, await areaOf(ctx, given(input, 'subject')));
  },
};

const close: Operation = {
  permission: CLOSE,
  definition: definition(
    'close-period',
    'Measure',
    'Counts the figures of a finished period and keeps them, for all areas; again: a correction.',
    PERIOD,
    { affectsState: true },
  ),
  async run(ctx, input): Promise<Parameters> {
    const { version, changed } = await closePeriod(ctx, input.id!, periodOf(input));
    const answer: ParametersParameter[] = [
      { name: 'version', valueInteger: version },
      { name: 'changed', valueBoolean: changed },
    ];
    return { resourceType: 'Parameters', parameter: answer };
  },
};

const BY_NAME = [
  parameter('dataSet', 'string'),
  parameter('period', 'string'),
  parameter('orgUnit', 'string'),
  parameter('children', 'boolean'),
];

async function setsFor(ctx: Context, input: OperationInput) {
  const dataSet = given(input, 'dataSet');
  if (input.id) return setOfReport(ctx, input.id, dataSet);
  const period = given(input, 'period');
  const orgUnit = given(input, 'orgUnit');
  if (!dataSet || !period || !orgUnit) {
    throw problem('required', 'operation-parameter', 'Name dataSet, period and orgUnit.');
  }
  const children = given(input, 'children') === 'true';
  return setsByName(ctx, { dataSet, period, orgUnit, children });
}

function raw(rendering: Rendering): RawAnswer {
  return {
    raw: true,
    contentType: rendering.contentType,
    headers: { etag: etagOf(rendering) },
    body: rendering.body,
  };
}

const dataValueSet: Operation = {
  permission: READ,
  answers: ['json', 'xml', 'csv', 'application/json', 'application/xml', 'application/csv'],
  definition: definition(
    'dhis2-data-value-set',
    'MeasureReport',
    'A report of a closed period as DHIS2 dataValueSet: _format json, xml or csv. On the type: by ' +
      'dataSet, period, orgUnit and children, in DHIS2’s own ids.',
    [...BY_NAME, parameter('_format', 'string')],
    { type: true },
  ),
  async run(ctx, input) {
    const asked = (given(input, '_format') ?? 'json').replace(/^application\//, '');
    const format = FORMATS.find((each) => each === asked);
    if (!format) {
      throw problem('not-acceptable', 'format-unknown', `_format is ${FORMATS.join(', ')}.`);
    }
    const { sets } = await setsFor(ctx, input);
    return raw(renderDataValueSet(sets, format));
  },
};

const adx: Operation = {
  permission: READ,
  answers: ['xml', 'application/adx+xml', 'application/xml'],
  definition: definition(
    'adx',
    'MeasureReport',
    'A report of a closed period as ADX (IHE QRPH). On the type: by dataSet, period and orgUnit.',
    [...BY_NAME, parameter('_format', 'string')],
    { type: true },
  ),
  async run(ctx, input) {
    const { sets, closedAt } = await setsFor(ctx, input);
    return raw(renderAdx(sets, closedAt));
  },
};

/** Operations of the room. */
export const operations: readonly Operation[] = [evaluateMeasure, close, dataValueSet, adx];

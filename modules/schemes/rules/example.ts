/**
 * A household as rules see one, written as JSON: for the test cases that stand beside rules. The
 * same example is shown to FHIRPath as an object and to SQL as rows that stand in for the tables,
 * so that a case runs through what a payroll runs through, and touches no household.
 *
 *     { "members": [{ "age": 34, "sex": "female", "role": "head" }, { "age": 3, "count": 2 }],
 *       "characteristics": { "income": 210.50 }, "area": ["north", "n-3"] }
 */

import { addMonths, isDay } from '../../../src/sdk/index.ts';
import { quote } from '../language/sql.ts';

export type FactText = number | boolean | string;
type Facts = Readonly<Record<string, FactText>>;
/** Condition → month `YYYY-MM` → outcome. */
type Records = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Questionnaire → linkId → answer. */
type Answers = Readonly<Record<string, Facts>>;

export interface ExampleMember {
  readonly birthDate: string | undefined;
  /** The last day that the birth date can mean, where the day is not known. */
  readonly birthDateLast?: string | undefined;
  readonly sex: string | undefined;
  readonly role: string | undefined;
  readonly disability: boolean | undefined;
  readonly characteristics: Facts;
  readonly answers: Answers;
  readonly compliance: Records;
}

export interface Example {
  readonly members: readonly ExampleMember[];
  readonly characteristics: Facts;
  readonly answers: Answers;
  readonly compliance: Records;
  /** Codes of areas from the outermost to the household's own. */
  readonly area: readonly (string | undefined)[];
  readonly enrolledIn: readonly string[];
  readonly communityDecision: string | undefined;
  readonly enrolment:
    | {
        readonly startedOn: string;
        readonly endsOn: string | undefined;
        readonly paidCycles: number;
      }
    | undefined;
}

/** What is wrong with an example. */
export class ExampleFault extends Error {}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads an example.
 *
 * @param asOf  the day on which an age that is given is reached
 * @throws ExampleFault
 */
export function readExample(text: string, asOf: string): Example {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ExampleFault(`the household is not JSON: ${(error as Error).message}`);
  }
  const found = objectIn(json, 'the household', [
    'members',
    'characteristics',
    'answers',
    'compliance',
    'area',
    'enrolledIn',
    'communityDecision',
    'enrolment',
  ]);
  const enrolment = found.enrolment as Json | undefined;
  const area = found.area ?? [];
  return {
    members: listIn(found.members, 'members').flatMap((each) => readMembers(each, asOf)),
    characteristics: factsIn(found.characteristics),
    answers: answersIn(found.answers),
    compliance: (found.compliance ?? {}) as Records,
    area: (Array.isArray(area) ? area : [area]).map(String),
    enrolledIn: listIn(found.enrolledIn, 'enrolledIn').map(String),
    communityDecision: textIn(found.communityDecision),
    enrolment: enrolment && {
      startedOn: dayIn(enrolment.startedOn, 'enrolment.startedOn') ?? asOf,
      endsOn: dayIn(enrolment.endsOn, 'enrolment.endsOn'),
      paidCycles: Number(enrolment.paidCycles ?? 0),
    },
  };
}

const MEMBER = [
  'age',
  'ageInMonths',
  'birthDate',
  'sex',
  'role',
  'disability',
  'characteristics',
  'answers',
  'compliance',
  'count',
];

function readMembers(json: unknown, asOf: string): ExampleMember[] {
  const found = objectIn(json, 'a member', MEMBER);
  const months =
    found.age !== undefined ? Number(found.age) * 12 : (found.ageInMonths as number | undefined);
  const member: ExampleMember = {
    birthDate:
      months === undefined ? dayIn(found.birthDate, 'birthDate') : addMonths(asOf, -months),
    sex: textIn(found.sex),
    role: textIn(found.role),
    disability: typeof found.disability === 'boolean' ? found.disability : undefined,
    characteristics: factsIn(found.characteristics),
    answers: answersIn(found.answers),
    compliance: (found.compliance ?? {}) as Records,
  };
  const count = Number(found.count ?? 1);
  if (!Number.isInteger(count) || count < 0 || count > 50) {
    throw new ExampleFault('count is a whole number up to 50');
  }
  return Array.from({ length: count }, () => member);
}

function objectIn(json: unknown, what: string, known: readonly string[]): Json {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ExampleFault(`${what} is an object in braces`);
  }
  const odd = Object.keys(json).find((key) => !known.includes(key));
  if (odd) throw new ExampleFault(`${what} has no "${odd}"; it has ${known.join(', ')}`);
  return json as Json;
}

function listIn(json: unknown, what: string): readonly unknown[] {
  if (json === undefined) return [];
  if (!Array.isArray(json)) throw new ExampleFault(`${what} is a list in brackets`);
  return json;
}

function factsIn(json: unknown): Facts {
  const facts =
    json === undefined ? {} : objectIn(json, 'characteristics', Object.keys(json as Json));
  for (const [code, value] of Object.entries(facts)) {
    if (!['number', 'boolean', 'string'].includes(typeof value)) {
      throw new ExampleFault(`${code} is a number, true or false, or a text`);
    }
  }
  return facts as Facts;
}

function answersIn(json: unknown): Answers {
  const forms = json === undefined ? {} : objectIn(json, 'answers', Object.keys(json as Json));
  return Object.fromEntries(Object.entries(forms).map(([url, facts]) => [url, factsIn(facts)]));
}

function textIn(json: unknown): string | undefined {
  return json === undefined || json === null ? undefined : String(json);
}

function dayIn(json: unknown, what: string): string | undefined {
  if (json === undefined || json === null) return undefined;
  const day = String(json);
  if (!isDay(day)) throw new ExampleFault(`${what} is a day like 2026-01-31`);
  return day;
}

// ── rows that stand in for the tables ────────────────────────────────────────────────────────

type Cell = string | number | boolean | undefined;

/** `name (columns) as (values …)`, with types, also where there is no row. */
function rows(name: string, types: readonly string[], list: readonly (readonly Cell[])[]): string {
  const names = types.map((each) => each.split(' ')[0]);
  const cast = (row: readonly Cell[]) =>
    row.map((cell, index) => `${literalOf(cell)}::${types[index]?.split(' ')[1]}`).join(', ');
  const values = list.map((row) => `select ${cast(row)}`);
  const none = `select ${cast(types.map(() => undefined))} where false`;
  return `${name} (${names.join(', ')}) as (${[none, ...values].join(' union all ')})`;
}

function literalOf(cell: Cell): string {
  if (cell === undefined) return 'null';
  return typeof cell === 'string' ? quote(cell) : String(cell);
}

function factCells(value: FactText): Cell[] {
  return [
    typeof value === 'number' ? value : undefined,
    typeof value === 'string' ? value : undefined,
    typeof value === 'boolean' ? value : undefined,
  ];
}

/** Types of the columns that compiled rules read of each view. */
const VIEWS = {
  households_household: ['household_id bigint', 'area_id bigint'],
  households_member: [
    'household_id bigint',
    'member_id bigint',
    'position smallint',
    'role text',
    'sex text',
    'birth_date date',
    'birth_date_last date',
    'disability boolean',
    'deceased boolean',
    'deceased_on date',
    'facts jsonb',
  ],
  households_characteristic: [
    'household_id bigint',
    'code text',
    'number_value numeric',
    'code_value text',
    'boolean_value boolean',
  ],
  pay_points_area: ['area_id bigint', 'code text', 'path bigint[]'],
  schemes_enrolment: [
    'household_id bigint',
    'scheme_id bigint',
    'state text',
    'starts_on date',
    'ends_on date',
  ],
  schemes_scheme: ['scheme_id bigint', 'fhir_id text'],
  schemes_compliance: [
    'household_id bigint',
    'member_id bigint',
    'condition text',
    'month date',
    'outcome text',
  ],
  schemes_response: [
    'household_id bigint',
    'member_id bigint',
    'questionnaire text',
    'response_id bigint',
    'answered_on date',
    'answers jsonb',
  ],
  schemes_validation: ['household_id bigint', 'scheme_id bigint', 'decision text'],
} as const;

/** A WITH clause whose parts bear the names of the views that compiled rules read. */
export function exampleTables(example: Example): string {
  const { area, enrolment, enrolledIn, communityDecision: decision } = example;
  const cells: Record<keyof typeof VIEWS, Cell[][]> = {
    households_household: [[1, area.length === 0 ? undefined : area.length]],
    households_member: example.members.map(memberCells),
    households_characteristic: Object.entries(example.characteristics).map(([code, value]) => [
      1,
      code,
      ...factCells(value),
    ]),
    pay_points_area: area.map((code, index) => [index + 1, code, pathTo(index + 1)]),
    schemes_enrolment: [
      ...(enrolment ? [[1, 0, 'enrolled', enrolment.startedOn, enrolment.endsOn]] : []),
      ...enrolledIn.map((_, index) => [1, index + 1, 'enrolled', '2000-01-01', undefined]),
    ],
    schemes_scheme: enrolledIn.map((id, index) => [index + 1, id]),
    schemes_compliance: [
      ...recordsOf(0, example.compliance),
      ...example.members.flatMap((each, index) => recordsOf(index + 1, each.compliance)),
    ],
    schemes_response: [
      ...responsesOf(0, example.answers),
      ...example.members.flatMap((each, index) => responsesOf(index + 1, each.answers)),
    ],
    schemes_validation: decision === undefined ? [] : [[1, 0, decision]],
  };
  const parts = Object.entries(VIEWS).map(([name, types]) =>
    rows(name, types, cells[name as keyof typeof VIEWS]),
  );
  return `with ${parts.join(',\n')}`;
}

function memberCells(member: ExampleMember, index: number): Cell[] {
  const { role, sex, birthDate, disability, characteristics } = member;
  const facts = JSON.stringify(characteristics);
  return [
    1,
    index + 1,
    index,
    role,
    sex,
    birthDate,
    member.birthDateLast ?? birthDate,
    disability,
    false,
    undefined,
    facts,
  ];
}

function responsesOf(member: number, answers: Answers): Cell[][] {
  return Object.entries(answers).map(([url, facts], index) => [
    ...[1, member, url, index + 1, '2000-01-01'],
    JSON.stringify(facts),
  ]);
}

function pathTo(level: number): string {
  return `{${Array.from({ length: level }, (_, index) => index + 1).join(',')}}`;
}

function recordsOf(member: number, records: Records): Cell[][] {
  return Object.entries(records).flatMap(([condition, months]) =>
    Object.entries(months).map(([month, outcome]) => [
      1,
      member,
      condition,
      `${month.slice(0, 7)}-01`,
      outcome,
    ]),
  );
}

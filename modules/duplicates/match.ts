/**
 * `Patient/$match`: who in the registry a person may be, the likeliest first, with probability and
 * grade. Nothing is stored.
 *
 * It is an oracle on personal data: it needs a right of its own, shows only Patients whom the caller
 * could find by searching (reach and scopes are those of the search that fetches them), and is
 * refused to whom elements of Patients are masked.
 *
 * Spec: https://hl7.org/fhir/R4/patient-operation-match.html, IHE PDQm ITI-119
 */

import type { Bundle, BundleEntry, OperationDefinition, Patient } from '@medplum/fhirtypes';
import {
  type Context,
  inputParameter,
  type Operation,
  type OperationInput,
  operationOutcome,
  outputParameter,
  Problem,
  parameterIn,
  problem,
} from '../../src/sdk/index.ts';
import { PHONE_COUNTRY } from '../households/index.ts';
import { keysOf } from './matching/keys.ts';
import { type Person, registryOf } from './matching/registry.ts';
import { MATCH } from './permissions.ts';
import { Desk, type Scored } from './registry/desk.ts';
import { personOf } from './registry/person.ts';
import { judgeOf } from './registry/weights.ts';
import { findCandidates } from './store/candidates.ts';

const GRADE = 'http://hl7.org/fhir/StructureDefinition/match-grade';
/** Records less likely are not answered. */
const ANSWERED_MIN = 0.1;
/** Records whose visibility is asked for at once. */
const FETCHED_MAX = 50;
/** Replacements that are followed: A was replaced by B, and B by C. */
const REPLACED_STEPS = 5;

const definition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: 'http://hl7.org/fhir/OperationDefinition/Patient-match',
  name: 'Match',
  status: 'active',
  kind: 'operation',
  code: 'match',
  description:
    'Finds the Patients that may be the person given, the likeliest first, with their probability ' +
    'and grade.',
  affectsState: false,
  resource: ['Patient'],
  system: false,
  type: true,
  instance: false,
  parameter: [
    {
      name: 'resource',
      use: 'in',
      min: 1,
      max: '1',
      type: 'Patient',
      documentation: 'What is known of the person.',
    },
    inputParameter(
      'onlyCertainMatches',
      'boolean',
      'Answers only records that are certainly this one person.',
    ),
    inputParameter('count', 'integer', 'Records answered at most.'),
    outputParameter('return', 'Bundle', 1),
  ],
};

/** The operation. */
export const matchOperation: Operation = {
  definition,
  permission: MATCH,
  narrowsAreas: true,
  run: matchPatient,
};

interface Found extends Scored {
  readonly entry: BundleEntry<Patient>;
}

async function matchPatient(ctx: Context, input: OperationInput): Promise<Bundle> {
  refuseMasked(ctx);
  const count = countOf(input);
  const only = parameterIn(input, 'onlyCertainMatches')?.valueBoolean === true;
  const person = personOf(
    parameterIn(input, 'resource')?.resource as Patient,
    ctx.setting(PHONE_COUNTRY),
  );
  const found = await whoMayBe(ctx, person);
  const answered = only ? certain(found) : found;
  const entries = answered.slice(0, count).map(entryOf);
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: entries.length,
    ...(entries.length + outcomes(person).length > 0 && {
      entry: [...entries, ...outcomes(person)],
    }),
  };
}

/** @throws Problem forbidden: what is kept from the caller could be asked out of the registry */
export function refuseMasked({ actor }: Context): void {
  const masked = actor.masks?.some((each) => each.startsWith('Patient.'));
  if (!masked || actor.breakGlass !== undefined) return;
  throw problem(
    'forbidden',
    'match-masked',
    'Elements of Patients are kept from your roles, and matching would tell what they hold; have ' +
      'it done by somebody who sees them.',
  );
}

/** @throws Problem invalid for a count below one */
export function countOf(input: Pick<OperationInput, 'parameters'>): number {
  const given = parameterIn(input, 'count')?.valueInteger ?? FETCHED_MAX;
  const count = Number(given);
  if (Number.isInteger(count) && count >= 1) return Math.min(count, FETCHED_MAX);
  throw problem('value', 'match-count', 'count is a whole number above zero.', 'count');
}

/**
 * Records that the person may be and that the caller may see.
 *
 * @throws Problem when nothing that was given can be compared
 */
async function whoMayBe(ctx: Context, person: Person): Promise<Found[]> {
  const keys = keysOf(registryOf([person]), 0);
  if (keys.length === 0) throw nothingToCompare('resource');
  const candidates = await findCandidates(ctx, keys);
  if (candidates.length === 0) return [];
  const desk = new Desk([person], candidates);
  const { judge } = await judgeOf(ctx, desk, ANSWERED_MIN);
  const likely = judge.ranked(0).slice(0, FETCHED_MAX);
  const visible = await visibleEntries(
    ctx,
    likely.map(({ candidate }) => candidate.replaced_by ?? candidate.fhir_id),
  );
  // Ranked again among what the caller may see: what it may not must not change a grade.
  const seen = new Set(
    likely.flatMap(({ at, candidate }) =>
      visible.has(candidate.replaced_by ?? candidate.fhir_id) ? [at] : [],
    ),
  );
  const answered = new Set<string>();
  return judge.ranked(0, seen).flatMap((each) => {
    const entry = visible.get(each.candidate.replaced_by ?? each.candidate.fhir_id)!;
    const id = entry.resource?.id ?? '';
    if (answered.has(id)) return [];
    answered.add(id);
    return [{ ...each, entry }];
  });
}

/** Says that what was given names nobody. */
export function nothingToCompare(expression: string): Problem {
  const { issues } = problem(
    'required',
    'match-insufficient',
    'Nothing that was given can be compared: give an identifier, or a name with a birth date, a ' +
      'telephone or an address.',
    expression,
  );
  return new Problem(issues, { status: 400 });
}

/** Patients of these ids whom the caller may see, or those who replaced them, as search entries. */
async function visibleEntries(
  ctx: Context,
  ids: readonly string[],
): Promise<Map<string, BundleEntry<Patient>>> {
  const found = new Map<string, BundleEntry<Patient>>();
  const asked = new Map(ids.map((id) => [id, [id]]));
  for (let step = 0; asked.size > 0 && step < REPLACED_STEPS; step++) {
    const query = new URLSearchParams({
      _id: [...asked.keys()].join(','),
      _count: String(FETCHED_MAX),
    });
    const { entry = [] } = await ctx.fhir.search<Patient>('Patient', query.toString());
    const turn = new Map(asked);
    asked.clear();
    for (const each of entry) {
      const first = turn.get(each.resource?.id ?? '');
      if (!first) continue;
      const next = survivorOf(each.resource);
      if (next) asked.set(next, [...(asked.get(next) ?? []), ...first]);
      else for (const id of first) found.set(id, each);
    }
  }
  return found;
}

function survivorOf(patient: Patient | undefined): string | undefined {
  const link = patient?.link?.find(({ type }) => type === 'replaced-by');
  return link?.other?.reference?.replace(/^Patient\//, '');
}

/** Certain records, if they can be one person; none if they cannot. */
function certain(found: readonly Found[]): readonly Found[] {
  // A certain record beats every other that is not the same person, so these are one.
  return found.filter(({ grade }) => grade === 'certain');
}

function entryOf({ entry, p, grade }: Found): BundleEntry {
  const shown = grade === 'certainly-not' ? 'possible' : grade;
  return {
    ...(entry.fullUrl && { fullUrl: entry.fullUrl }),
    resource: entry.resource!,
    search: {
      extension: [{ url: GRADE, valueCode: shown }],
      mode: 'match',
      score: Math.round(p * 1e6) / 1e6,
    },
  };
}

/** Says what is missing when little was given: the answer is then weak, not reassuring. */
function outcomes(person: Person): BundleEntry[] {
  const { name, birthDay, identifiers, phones } = person;
  const lacks = [
    ...(name.given && name.family ? [] : ['given and family name']),
    ...(birthDay === 0 ? ['birth date'] : birthDay % 10_000 === 0 ? ['day of birth'] : []),
    ...(identifiers.length === 0 && phones.length === 0 ? ['identifier or telephone'] : []),
  ];
  if (identifiers.length > 0 || lacks.length < 2) return [];
  const issue = {
    severity: 'information',
    kind: 'informational',
    code: 'match-thin',
    diagnostics: `Little is known of this person; the answer would be surer with: ${lacks.join(', ')}.`,
  } as const;
  return [{ resource: operationOutcome([issue]), search: { mode: 'outcome' } }];
}

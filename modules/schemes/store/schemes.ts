/**
 * Rows of schemes and of the versions of their rules, which are only ever added to.
 */

import {
  type Context,
  type Frequency,
  type PaymentPeriod,
  problem,
  statement,
} from '../../../src/sdk/index.ts';
import type { SchemeRules } from '../rules/types.ts';

/** A scheme as other rooms see it. */
export interface Scheme {
  readonly scheme_id: bigint;
  readonly fhir_id: string;
  readonly name: string;
  readonly currency: string;
  readonly frequency: Frequency;
  readonly time_zone: string;
  /** Cron expression at which the payroll of the due period is drafted; null: on demand only. */
  readonly draft_at: string | null;
  readonly organization_id: bigint | null;
  readonly active: boolean;
  readonly starts_on: string | null;
  readonly ends_on: string | null;
  /** Version of the rules in force. */
  readonly rules_version: number;
}

export interface SchemeWrite {
  readonly rid: bigint;
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly timeZone: string;
  readonly draftAt: string | null;
  readonly organizationId: bigint | null;
  readonly active: boolean;
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  readonly rules: SchemeRules;
}

/** Adds a version only where the rules differ from the newest one; answers the version in force. */
const ADD_RULES = statement(
  'schemes.add-rules',
  `with newest as (
     select version, rules::text as rules from scheme_rules
     where scheme_id = $1 order by version desc limit 1
   ), added as (
     insert into scheme_rules (scheme_id, version, rules, made_at, made_by)
     select $1, coalesce((select version from newest), 0) + 1, $2::text::json, $3, $4
     where not exists (select from newest where rules = $2::text)
     returning version
   )
   select version from added union all
   select version from newest where not exists (select from added)`,
);

const WRITE = statement(
  'schemes.write',
  `insert into scheme (scheme_id, fhir_id, name, currency, frequency, time_zone, draft_at,
     organization_id, active, starts_on, ends_on, rules_version, version, updated_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
   on conflict (scheme_id) do update set
     name = excluded.name, currency = excluded.currency, frequency = excluded.frequency,
     time_zone = excluded.time_zone, draft_at = excluded.draft_at,
     organization_id = excluded.organization_id, active = excluded.active,
     starts_on = excluded.starts_on, ends_on = excluded.ends_on,
     rules_version = excluded.rules_version, version = excluded.version,
     updated_at = excluded.updated_at`,
);

/** Inserts or updates a scheme; answers the version of the rules in force. */
export async function writeScheme(ctx: Context, write: SchemeWrite): Promise<number> {
  const { rules } = write;
  const { version } = await ctx.db.one<{ version: number }>(ADD_RULES, [
    write.rid,
    JSON.stringify(rules),
    ctx.now,
    ctx.actor.id,
  ]);
  await ctx.db.run(WRITE, [
    write.rid,
    write.id,
    write.name,
    rules.currency,
    rules.frequency,
    write.timeZone,
    write.draftAt,
    write.organizationId,
    write.active,
    write.startsOn,
    write.endsOn,
    version,
    write.version,
    ctx.now,
  ]);
  return version;
}

const CLOSE = statement(
  'schemes.close',
  'update scheme set active = false where scheme_id = any($1::bigint[])',
);

/** Closes schemes whose resource is gone; their rules stay, for payrolls name them. */
export async function closeSchemes(ctx: Context, rids: readonly bigint[]): Promise<void> {
  if (rids.length > 0) await ctx.db.run(CLOSE, [rids]);
}

const COLUMNS = `scheme_id, fhir_id, name, currency, frequency, time_zone, draft_at,
  organization_id, active, starts_on, ends_on, rules_version`;

const READ = statement(
  'schemes.read',
  `select ${COLUMNS} from schemes_scheme where scheme_id = $1`,
);

const ALL = statement(
  'schemes.all-active',
  `select ${COLUMNS} from schemes_scheme where active order by scheme_id`,
);

const TAKE_TURNS = statement(
  'schemes.take-turns',
  `select scheme_id from scheme where scheme_id = $1 or fhir_id = any($2::text[])
   order by scheme_id for no key update`,
);

/** @throws Problem `scheme-unknown` */
export async function readScheme(ctx: Context, schemeId: bigint): Promise<Scheme> {
  const scheme = await ctx.db.maybe<Scheme>(READ, [schemeId]);
  if (!scheme) throw problem('not-found', 'scheme-unknown', 'This is not a scheme known here.');
  return scheme;
}

/**
 * The scheme of an InsurancePlan.
 *
 * @throws Problem `scheme-unknown`
 */
export async function findScheme(ctx: Context, id: string): Promise<Scheme> {
  const rid = (await ctx.fhir.rids('InsurancePlan', [id])).get(id);
  if (rid === undefined) {
    throw problem('not-found', 'scheme-unknown', `InsurancePlan/${id} is not known here.`);
  }
  return readScheme(ctx, rid);
}

/** Schemes that are active, in a stable order. */
export async function activeSchemes(ctx: Context): Promise<Scheme[]> {
  return ctx.db.query<Scheme>(ALL);
}

/**
 * Waits for others who enrol into this scheme, until this unit of work ends; and into those that its
 * rules ask about (FHIR ids), or two schemes that exclude each other would both enrol a household.
 */
export async function takeTurns(
  ctx: Context,
  schemeId: bigint,
  asksAbout: readonly string[] = [],
): Promise<void> {
  await ctx.db.query(TAKE_TURNS, [schemeId, asksAbout]);
}

const RULES = statement(
  'schemes.rules',
  'select rules from scheme_rules where scheme_id = $1 and version = $2',
);

/** The rules of a scheme in a version; an Error (a bug) when there is no such version. */
export async function readRulesVersion(
  ctx: Context,
  schemeId: bigint,
  version: number,
): Promise<SchemeRules> {
  return (await ctx.db.one<{ rules: SchemeRules }>(RULES, [schemeId, version])).rules;
}

const VERSION_FOR = statement(
  'schemes.rules-version-for',
  `select max(version) as version from scheme_rules
   where scheme_id = $1 and coalesce(rules ->> 'appliesFrom', '') <= $2`,
);

/** The version of the rules in force for a period; undefined where all apply from later. */
export async function findRulesVersion(
  ctx: Context,
  schemeId: bigint,
  period: PaymentPeriod,
): Promise<number | undefined> {
  const values = [schemeId, period.startsOn];
  const { version } = await ctx.db.one<{ version: number | null }>(VERSION_FOR, values);
  return version ?? undefined;
}

/**
 * The version of the rules in force for a period: the newest of those that apply from it or from
 * before. A decree may so change a cycle that has long begun, and one to come.
 *
 * @throws Problem `scheme-closed` where all rules apply from later
 */
export async function rulesVersionFor(
  ctx: Context,
  scheme: Pick<Scheme, 'scheme_id' | 'name'>,
  period: PaymentPeriod,
): Promise<number> {
  const version = await findRulesVersion(ctx, scheme.scheme_id, period);
  if (version !== undefined) return version;
  throw problem(
    'business-rule',
    'scheme-closed',
    `${scheme.name} has no rules for ${period.code}; they all apply from later periods.`,
    'period',
  );
}

const KNOWN_AREAS = statement(
  'schemes.known-areas',
  'select distinct code from pay_points_area where code = any($1::text[])',
);

/** Which of these area codes no area has. */
export async function unknownAreas(ctx: Context, codes: readonly string[]): Promise<string[]> {
  if (codes.length === 0) return [];
  const rows = await ctx.db.query<{ code: string }>(KNOWN_AREAS, [codes]);
  const known = new Set(rows.map((row) => row.code));
  return codes.filter((code) => !known.has(code));
}

const KNOWN_SCHEMES = statement(
  'schemes.known-schemes',
  'select fhir_id from schemes_scheme where fhir_id = any($1::text[])',
);

/** Which of these ids no scheme has. */
export async function unknownSchemes(ctx: Context, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await ctx.db.query<{ fhir_id: string }>(KNOWN_SCHEMES, [ids]);
  const known = new Set(rows.map((row) => row.fhir_id));
  return ids.filter((id) => !known.has(id));
}

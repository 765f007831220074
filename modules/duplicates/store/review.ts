/**
 * The queue of suspicions, about people and about households, and what was decided of them. Whoever is
 * limited to areas is given pairs of whom both live there.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import { livesIn } from '../../households/index.ts';

/** A suspicion as reviewers work on it. */
export interface Suspicion {
  /** What a and b are. */
  readonly about: 'Patient' | 'Group';
  readonly a: bigint;
  readonly b: bigint;
  readonly task_id: string;
  readonly flag_ids: readonly string[];
  readonly p: number;
  readonly grade: string;
  readonly model_id: bigint | null;
  readonly state: 'open' | 'closed';
  readonly harm: number | null;
  /** Who is looking at it now, if anybody. */
  readonly owner_id: string | null;
}

const DUE = (whose: string): string => `(select sum(d.amount_minor) from payroll_due d
    where d.${whose} in (s.a, s.b) and d.due_on >= $1::date)`;
/** What both were due within a year, and one, so that uncertainty orders those who were paid nothing. */
const HARM = `(1 + coalesce(case s.about when 'Group' then ${DUE('household_id')}
    else ${DUE('recipient_id')} end, 0)) * s.p * (1 - s.p)`;

const RANK_ALL = statement(
  'duplicates.rank-suspicions',
  `update match_suspicion t set harm = n.harm
   from (select s.a, s.b, ${HARM} as harm from match_suspicion s where s.state = 'open') n
   where t.a = n.a and t.b = n.b and t.harm is distinct from n.harm`,
);

/**
 * Ranks all suspicions anew by expected harm.
 *
 * @param since  from which day on payments count
 */
export function rankSuspicions(ctx: Context, since: string): Promise<number> {
  return ctx.db.run(RANK_ALL, [since]);
}

const RANK_NEW = statement(
  'duplicates.rank-new-suspicions',
  `update match_suspicion s set harm = ${HARM}
   from (select a, b from match_suspicion where state = 'open' and harm is null
     order by a, b limit $2 for update skip locked) n
   where s.a = n.a and s.b = n.b`,
);

/**
 * Ranks suspicions that have no rank yet.
 *
 * @param max  as many at most
 * @returns how many
 */
export function rankNewSuspicions(ctx: Context, since: string, max: number): Promise<number> {
  return ctx.db.run(RANK_NEW, [since, max]);
}

const IN_REACH = ['a', 'b']
  .map(
    (side) => `case s.about when 'Group' then ${livesIn(`s.${side}`, '$1::bigint[]')}
      else exists (select from household_member m where m.member_id = s.${side}
        and ${livesIn('m.household_id', '$1::bigint[]')}) end`,
  )
  .join(' and ');
const COLUMNS = `s.about, s.a, s.b, s.task_id, s.flag_ids, s.p, s.grade, s.model_id, s.state, s.harm`;

const NEXT = statement(
  'duplicates.next-suspicion',
  `select ${COLUMNS}, null::text as owner_id from match_suspicion s
   where s.state = 'open' and s.harm is not null and ($1::bigint[] is null or (${IN_REACH}))
     and s.task_id <> all($4::text[])
     and not exists (select from review_lease l where l.task_id = s.task_id
       and l.until > $3 and l.owner_id <> $2)
     and not exists (select from match_verdict v where v.task_id = s.task_id
       and v.decided_by = $2 and v.verdict <> 'field-check')
   order by s.harm desc, s.a, s.b limit 1
   for update of s skip locked`,
);

function reachOf({ actor }: Context): readonly bigint[] | null {
  return actor.reach.areas === 'all' ? null : actor.reach.areas;
}

/**
 * The ranked suspicion that would do most harm, that nobody is looking at; locked.
 *
 * @param except  Tasks that are left out
 */
export function nextSuspicion(
  ctx: Context,
  except: readonly string[] = [],
): Promise<Suspicion | undefined> {
  return ctx.db.maybe<Suspicion>(NEXT, [reachOf(ctx), ctx.actor.id, ctx.now, except]);
}

const CERTAIN = statement(
  'duplicates.certain-suspicions',
  `select task_id from match_suspicion s
   where s.state = 'open' and s.about = 'Patient' and s.grade = 'certain' and not exists (
     select from match_verdict v where v.task_id = s.task_id)
   order by s.opened_at, s.a, s.b limit $1`,
);

/** Tasks of open suspicions about people that are certain and that nobody has judged, the oldest first. */
export async function certainSuspicions(ctx: Context, max: number): Promise<string[]> {
  const rows = await ctx.db.query<{ task_id: string }>(CERTAIN, [max]);
  return rows.map((row) => row.task_id);
}

const OF_TASK = statement(
  'duplicates.suspicion-of-task',
  `select ${COLUMNS},
     (select l.owner_id from review_lease l where l.task_id = s.task_id and l.until > $3) as owner_id
   from match_suspicion s
   where s.task_id = $2 and ($1::bigint[] is null or (${IN_REACH})) for update of s`,
);

/** The suspicion of a Task, locked; undefined when the actor has none in reach. */
export function suspicionOf(ctx: Context, taskId: string): Promise<Suspicion | undefined> {
  return ctx.db.maybe<Suspicion>(OF_TASK, [reachOf(ctx), taskId, ctx.now]);
}

const LEASE = statement(
  'duplicates.lease-suspicion',
  `insert into review_lease (task_id, owner_id, until) values ($1, $2, $3)
   on conflict (task_id) do update set owner_id = $2, until = $3`,
);

/** Gives a suspicion to somebody for a while. */
export async function lease(
  ctx: Context,
  taskId: string,
  owner: string,
  until: Date,
): Promise<void> {
  await ctx.db.run(LEASE, [taskId, owner, until]);
}

const GIVE_BACK = statement(
  'duplicates.give-back-suspicions',
  'delete from review_lease where task_id = any($1::text[]) and owner_id = $2',
);

/** Gives suspicions back that the actor was looking at. */
export async function giveBack(ctx: Context, tasks: readonly string[]): Promise<void> {
  if (tasks.length > 0) await ctx.db.run(GIVE_BACK, [tasks, ctx.actor.id]);
}

const END_LEASE = statement(
  'duplicates.end-lease',
  'delete from review_lease where task_id = any($1::text[])',
);

export async function endLease(ctx: Context, tasks: readonly string[]): Promise<void> {
  if (tasks.length > 0) await ctx.db.run(END_LEASE, [tasks]);
}

const WAITING = statement(
  'duplicates.suspicions-waiting',
  `select count(*)::int as n from (select from match_suspicion s
   where s.state = 'open' and ($1::bigint[] is null or (${IN_REACH})) limit $2) w`,
);

/** How many suspicions are open, in the actor's reach; no more than `max` are counted. */
export async function waiting(ctx: Context, max: number): Promise<number> {
  return (await ctx.db.one<{ n: number }>(WAITING, [reachOf(ctx), max])).n;
}

const CLOSE = statement(
  'duplicates.close-suspicions',
  `update match_suspicion set state = 'closed' where task_id = any($1::text[])`,
);

export async function closeSuspicions(ctx: Context, tasks: readonly string[]): Promise<void> {
  if (tasks.length > 0) await ctx.db.run(CLOSE, [tasks]);
}

const FORGET = statement(
  'duplicates.forget-suspicions',
  'delete from match_suspicion where task_id = any($1::text[])',
);

/** Forgets suspicions that nobody decided: the pairs are raised again where they are found again. */
export async function forgetSuspicions(ctx: Context, tasks: readonly string[]): Promise<void> {
  if (tasks.length > 0) await ctx.db.run(FORGET, [tasks]);
}

const FORGET_PAIR = statement(
  'duplicates.forget-pair',
  `delete from match_suspicion where a = least($1::bigint, $2) and b = greatest($1, $2)
   and state = 'closed'`,
);

/** Forgets that a pair was decided: it is raised again where it is found alike. */
export async function forgetPair(ctx: Context, one: bigint, other: bigint): Promise<void> {
  await ctx.db.run(FORGET_PAIR, [one, other]);
}

const ABOUT = statement(
  'duplicates.open-suspicions-about',
  `select ${COLUMNS}, null::text as owner_id from match_suspicion s
   where (s.a = $1 or s.b = $1) and s.state = 'open' order by s.a, s.b for update`,
);

/** Open suspicions about a record, locked. */
export function suspicionsAbout(ctx: Context, rid: bigint): Promise<Suspicion[]> {
  return ctx.db.query<Suspicion>(ABOUT, [rid]);
}

const HOLDS_OF_PAIR = statement(
  'duplicates.holds-of-decided-pair',
  `select flag_ids from match_suspicion where a = least($1::bigint, $2) and b = greatest($1, $2)
   and state = 'closed' and flag_ids <> '{}'`,
);

/** Holds that a decided suspicion of a pair has left until the records are merged. */
export async function holdsOfPair(ctx: Context, one: bigint, other: bigint): Promise<string[]> {
  const rows = await ctx.db.query<{ flag_ids: string[] }>(HOLDS_OF_PAIR, [one, other]);
  return rows.flatMap((row) => row.flag_ids);
}

// ── verdicts ─────────────────────────────────────────────────────────────────────────────────

export type Verdict = 'duplicate' | 'not-duplicate' | 'field-check';

export interface NewVerdict {
  readonly a: bigint;
  readonly b: bigint;
  readonly verdict: Verdict;
  readonly final: boolean;
  readonly reason: string;
  readonly taskId: string | null;
  readonly p: number | null;
  readonly grade: string | null;
  readonly modelId: bigint | null;
}

const INSERT = statement(
  'duplicates.insert-verdict',
  `insert into match_verdict (a, b, verdict, final, reason, task_id, p, grade, model_id, a_version,
     b_version, decided_by, decided_at)
   select least($1::bigint, $2), greatest($1, $2), $3, $4, $5, $6, $7, $8, $9,
     coalesce((select version from member where member_id = least($1, $2)),
       (select version from households_household where household_id = least($1, $2)), 0),
     coalesce((select version from member where member_id = greatest($1, $2)),
       (select version from households_household where household_id = greatest($1, $2)), 0), $10, $11`,
);

/** Writes a verdict down; nothing of it is ever changed. */
export async function insertVerdict(ctx: Context, verdict: NewVerdict): Promise<void> {
  await ctx.db.run(INSERT, [
    verdict.a,
    verdict.b,
    verdict.verdict,
    verdict.final,
    verdict.reason,
    verdict.taskId,
    verdict.p,
    verdict.grade,
    verdict.modelId,
    ctx.actor.id,
    ctx.now,
  ]);
}

const GIVEN = statement(
  'duplicates.verdicts-of-task',
  `select distinct on (decided_by) decided_by, verdict from match_verdict
   where task_id = $1 and verdict <> 'field-check' order by decided_by, key desc`,
);

/** The last verdict of each person on a suspicion. */
export function verdictsOf(
  ctx: Context,
  taskId: string,
): Promise<{ decided_by: string; verdict: Verdict }[]> {
  return ctx.db.query(GIVEN, [taskId]);
}

const LAST = statement(
  'duplicates.last-verdict',
  `select p, grade, model_id from match_verdict_last where a = least($1::bigint, $2)
   and b = greatest($1::bigint, $2)`,
);

/** How a pair was scored when it was decided on last. */
export function lastScore(
  ctx: Context,
  one: bigint,
  other: bigint,
): Promise<{ p: number | null; grade: string | null; model_id: bigint | null } | undefined> {
  return ctx.db.maybe(LAST, [one, other]);
}

const APART = statement(
  'duplicates.decided-apart',
  `select v.a, v.b, v.decided_at from match_verdict_last v
   where v.a = any($1::bigint[] || $2::bigint[]) and v.b = any($1::bigint[] || $2::bigint[])
     and (v.a = any($1::bigint[])) <> (v.b = any($1::bigint[])) and v.verdict = 'not-duplicate'
     and not exists (select from match_suspicion s where s.a = v.a and s.b = v.b and s.state = 'open')
   order by v.decided_at desc, v.a, v.b`,
);

/** A pair that was decided to be two. */
export interface DecidedPair {
  readonly a: bigint;
  readonly b: bigint;
  readonly decided_at: Date;
}

/** Pairs of one and another that were decided to be two, the latest first, and are not asked about anew. */
export function decidedApart(
  ctx: Context,
  ones: readonly bigint[],
  others: readonly bigint[],
): Promise<DecidedPair[]> {
  return ctx.db.query<DecidedPair>(APART, [ones, others]);
}

const COUNTS = statement(
  'duplicates.verdict-counts',
  `select grade, decided_at >= $2 as recent, count(*)::int as decided,
     count(*) filter (where verdict = 'duplicate')::int as duplicate
   from match_verdict_last
   where verdict <> 'field-check' and grade is not null and decided_at >= $1
   group by 1, 2 order by 1, 2`,
);

/** Final verdicts by grade, before and since an instant. */
export function verdictCounts(
  ctx: Context,
  since: Date,
  recent: Date,
): Promise<{ grade: string; recent: boolean; decided: number; duplicate: number }[]> {
  return ctx.db.query(COUNTS, [since, recent]);
}

const BY_SCORE = statement(
  'duplicates.verdicts-by-score',
  `select p::float8 as p, count(*)::int as decided,
     count(*) filter (where verdict = 'duplicate')::int as duplicate
   from match_verdict_last
   where verdict <> 'field-check' and p is not null and decided_at >= $1
   group by p order by p desc`,
);

/** Final verdicts by the probability that the pair had, the likeliest first. */
export function verdictsByScore(
  ctx: Context,
  since: Date,
): Promise<{ p: number; decided: number; duplicate: number }[]> {
  return ctx.db.query(BY_SCORE, [since]);
}

const TWO = statement(
  'duplicates.verdicts-of-two',
  `with own as (
     select distinct on (task_id, decided_by) task_id, decided_by, verdict, key from match_verdict
     where verdict <> 'field-check' and task_id is not null and decided_at >= $1
     order by task_id, decided_by, key),
   ranked as (select *, row_number() over (partition by task_id order by key) as n from own)
   select one.verdict as one, other.verdict as other, count(*)::int as n
   from ranked one join ranked other on other.task_id = one.task_id and other.n = 2
   where one.n = 1 group by 1, 2`,
);

/** What the first two people said of the same suspicion, each blind to the other. */
export function verdictsOfTwo(
  ctx: Context,
  since: Date,
): Promise<{ one: Verdict; other: Verdict; n: number }[]> {
  return ctx.db.query(TWO, [since]);
}

const LABELLED = statement(
  'duplicates.labelled-pairs',
  `select coalesce(x.fhir_id, g.fhir_id) as one, coalesce(y.fhir_id, h.fhir_id) as other,
     case when x.fhir_id is null then 'Group' else 'Patient' end as type,
     v.verdict, v.p, v.grade, v.model_id, v.decided_at
   from match_verdict_last v
   left join match_feature x on x.patient_id = v.a left join match_feature y on y.patient_id = v.b
   left join households_household g on g.household_id = v.a
   left join households_household h on h.household_id = v.b
   where v.verdict = any($1::text[]) and coalesce(x.fhir_id, g.fhir_id) is not null
     and coalesce(y.fhir_id, h.fhir_id) is not null
   order by v.decided_at, v.a, v.b`,
);

/** A pair that was decided, as labelled data. */
export interface LabelledPair {
  /** FHIR ids. */
  readonly one: string;
  readonly other: string;
  readonly type: 'Patient' | 'Group';
  readonly verdict: Verdict;
  readonly p: number | null;
  readonly grade: string | null;
  readonly model_id: bigint | null;
  readonly decided_at: Date;
}

/** What was decided last of each pair, the oldest decision first. */
export function labelledPairs(ctx: Context, verdicts: readonly Verdict[]): Promise<LabelledPair[]> {
  return ctx.db.query<LabelledPair>(LABELLED, [verdicts]);
}

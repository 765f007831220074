/**
 * Money and the trail at national size: a payroll drafted and approved over all households by the
 * house itself, then what a provider would have answered, and a trail as long as the registry,
 * written in SQL.
 */

import { approve, draftPayroll } from '../../../modules/payroll/index.ts';
import { findScheme } from '../../../modules/schemes/index.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import type { Actor } from '../../../src/sdk/index.ts';
import type { TestHouse } from '../../support/server.ts';

/** Drafts and approves the payroll of the scheme, and tells most lines as paid. */
export async function pay(house: TestHouse, scheme: string): Promise<void> {
  const { pool } = house.database;
  const maker: Actor = { ...SYSTEM, id: 'bench-maker' };
  const checker: Actor = { ...SYSTEM, id: 'bench-checker' };
  const made = await runUnitOfWork(house.app, maker, {}, async (ctx) =>
    draftPayroll(ctx, await findScheme(ctx, scheme)),
  );
  await runUnitOfWork(house.app, checker, {}, (ctx) => approve(ctx, made.payrollId, undefined));
  await pool.query(
    `update instruction set state = o.state, reason = o.reason, sent_at = created_at,
       resolved_at = created_at + key * interval '1 second', version = 3,
       updated_at = created_at + key * interval '1 second'
     from (select instruction_id, case when key % 20 = 0 then 'not-paid' else 'paid' end as state,
             case when key % 20 = 0 then 'account_closed' end as reason
           from instruction where key % 10 <> 1) o
     where o.instruction_id = instruction.instruction_id`,
  );
  await pool.query(
    `update payroll_line l set state = i.state, reason = i.reason, paid_at = i.resolved_at,
       updated_at = i.updated_at, version = 2
     from instruction i where i.source_id = l.line_id and i.state in ('paid', 'not-paid')`,
  );
}

/** Fills the trail with one reading of each Patient by one of 300 people. */
export async function watch({ database: { pool } }: TestHouse): Promise<void> {
  await pool.query(
    `insert into audit_event (at, actor_id, actor_kind, request_id, action, interaction, type,
       resource_id, version, detail)
     select timestamptz '2026-01-02' + (r.rid / 64) * interval '1 second', audit_key('person-' || r.rid / 64 % 300), 'person',
       audit_key(gen_random_uuid()::text), 'R', 'read', 'Patient', audit_key(r.id::text), 1, null
     from resource r where r.type = 103 order by r.rid`,
  );
}

/**
 * Versions of approval flows, and the flow of a payroll.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { FlowStep } from '../flow-step.ts';

/** A version of a flow. */
export interface FlowWrite {
  readonly flowId: bigint;
  readonly version: number;
  readonly fhirId: string;
  readonly title: string;
  readonly schemeId: bigint | null;
  readonly inForce: boolean;
  readonly steps: readonly FlowStep[];
}

const END = statement(
  'payroll.end-flows',
  'update payroll_flow set in_force = false where flow_id = any($1::bigint[]) and in_force',
);

/** Takes flows out of force; payrolls under way keep them. */
export async function endFlows(ctx: Context, flows: readonly bigint[]): Promise<void> {
  if (flows.length > 0) await ctx.db.run(END, [flows]);
}

const ADD = statement(
  'payroll.add-flow',
  `insert into payroll_flow (flow_id, version, fhir_id, title, scheme_id, in_force, steps, made_at,
     made_by)
   values ($1, $2, $3, $4, $5, $6, $7::text::json, $8, $9)
   on conflict do nothing returning flow_id`,
);

/** Adds a version; false when another flow is in force for the same. */
export async function addFlow(ctx: Context, flow: FlowWrite): Promise<boolean> {
  const row = await ctx.db.maybe(ADD, [
    flow.flowId,
    flow.version,
    flow.fhirId,
    flow.title,
    flow.schemeId,
    flow.inForce,
    JSON.stringify(flow.steps),
    ctx.now,
    ctx.actor.id,
  ]);
  return row !== undefined;
}

const ROLES = statement(
  'payroll.unknown-roles',
  'select x.role from unnest($1::text[]) x(role) where x.role not in (select role from access_role)',
);

/** Which of these are no roles. */
export async function unknownRoles(ctx: Context, roles: readonly string[]): Promise<string[]> {
  if (roles.length === 0) return [];
  return (await ctx.db.query<{ role: string }>(ROLES, [roles])).map((row) => row.role);
}

/** A flow in a version. */
export interface Flow {
  readonly flow_id: bigint;
  readonly version: number;
  readonly steps: readonly FlowStep[];
}

const IN_FORCE = statement(
  'payroll.flow-in-force',
  `select flow_id, version, steps from payroll_flow
   where in_force and coalesce(scheme_id, 0) in (0, $1) order by scheme_id nulls last limit 1`,
);

/** The flow in force for a scheme, its own before the general one. */
export function flowInForce(ctx: Context, schemeId: bigint): Promise<Flow | undefined> {
  return ctx.db.maybe<Flow>(IN_FORCE, [schemeId]);
}

const VERSION = statement(
  'payroll.flow-version',
  'select flow_id, version, steps from payroll_flow where flow_id = $1 and version = $2',
);

/** A flow in the version that a payroll was submitted with. */
export function flowVersion(ctx: Context, flowId: bigint, version: number): Promise<Flow> {
  return ctx.db.one<Flow>(VERSION, [flowId, version]);
}

/**
 * Approval flows: a PlanDefinition of our profile says who must approve payrolls, in which order, how
 * many of them, and above which amount. Each write is a new version; payrolls under way keep theirs.
 *
 * Spec: https://hl7.org/fhir/R4/plandefinition.html. Every other PlanDefinition is just stored.
 */

import type { Extension, PlanDefinition, PlanDefinitionAction } from '@medplum/fhirtypes';
import {
  type Context,
  declares,
  extensionOf,
  fromFhirMoney,
  type Guard,
  identifierSystem,
  inPlace,
  localId,
  type Problem,
  partOf,
  permission,
  problem,
  type ResourceBinding,
  type ResourceWrite,
  structureDefinition,
} from '../../src/sdk/index.ts';
import { APPROVAL_RULES, type FlowStep } from './flow-step.ts';
import { addFlow, endFlows, unknownRoles } from './store/flows.ts';

/** Keeps approval flows. */
export const KEEP_FLOWS = permission('payroll.keep-flows', 'says who must approve payrolls');

const isFlow = (plan: PlanDefinition | undefined): plan is PlanDefinition =>
  declares(plan, 'approval-flow');

/** Only who keeps flows writes them: whoever may write PlanDefinitions could approve alone. */
export const flowGuard: Guard = {
  type: 'PlanDefinition',
  does: 'lets only those who keep approval flows write them',
  async check(ctx, writes) {
    for (const { resource, previous } of writes) {
      if ([resource, previous].some((each) => isFlow(each as PlanDefinition | undefined))) {
        ctx.demand(KEEP_FLOWS);
      }
    }
  },
};

/** PlanDefinitions of the profile, kept as versions of flows. */
export const flowBinding: ResourceBinding = {
  kept: 'stored',
  type: 'PlanDefinition',
  profile: structureDefinition('approval-flow'),
  async project(ctx, writes) {
    const plans = writes as readonly ResourceWrite<PlanDefinition>[];
    const ours = plans.filter((each) => isFlow(each.resource) || isFlow(each.previous));
    await endFlows(
      ctx,
      ours.map((each) => each.rid),
    );
    for (const write of ours) {
      const plan = write.resource;
      if (isFlow(plan)) await inPlace(write.place, () => projectFlow(ctx, write, plan));
    }
  },
};

async function projectFlow(
  ctx: Context,
  write: ResourceWrite<PlanDefinition>,
  plan: PlanDefinition,
): Promise<void> {
  const steps = readSteps(plan);
  const unknown = await unknownRoles(
    ctx,
    steps.flatMap((each) => each.roles),
  );
  if (unknown.length > 0) {
    throw refuse('flow-role-unknown', `There is no role ${unknown.join(', ')} here.`, 'action');
  }
  const added = await addFlow(ctx, {
    flowId: write.rid,
    version: write.version,
    fhirId: write.id,
    title: plan.title ?? '',
    schemeId: await schemeOf(ctx, plan),
    inForce: plan.status === 'active',
    steps,
  });
  if (added) return;
  throw problem(
    'conflict',
    'flow-exists',
    'Another flow is in force there; retire that one, or change it instead.',
    'PlanDefinition.useContext',
  );
}

async function schemeOf(ctx: Context, plan: PlanDefinition): Promise<bigint | null> {
  const reference = plan.useContext?.find((each) => each.code?.code === 'program')?.valueReference;
  if (!reference) return null;
  const id = localId(reference.reference, 'InsurancePlan');
  const rid = id === undefined ? undefined : (await ctx.fhir.rids('InsurancePlan', [id])).get(id);
  if (rid !== undefined) return rid;
  throw refuse('scheme-unknown', 'useContext program names a scheme known here.', 'useContext');
}

/** @throws Problem with the place of the first step that cannot be followed */
export function readSteps(plan: PlanDefinition): FlowStep[] {
  const steps = (plan.action ?? []).map(readStep);
  if (steps.length === 0 || steps.every((each) => each.fromMinor !== null)) {
    throw refuse(
      'flow-step-for-all',
      'Give at least one step without from-amount, or small payrolls would pass with no vote.',
      'action',
    );
  }
  return steps;
}

function readStep(action: PlanDefinitionAction, index: number): FlowStep {
  const place = `action[${index}]`;
  const votes = extensionOf(action, 'approval-votes');
  const rule = APPROVAL_RULES.find((each) => each === partOf(votes, 'rule')?.valueCode);
  const count = partOf(votes, 'count')?.valuePositiveInt;
  if (!rule || (rule === 'count') !== (count !== undefined)) {
    throw refuse('flow-rule', 'Give rule any or all, or rule count with a count.', place);
  }
  const roles = (action.participant ?? []).flatMap((each) =>
    (each.role?.coding ?? []).flatMap(({ system, code }) =>
      code && system === identifierSystem('role') ? [code] : [],
    ),
  );
  const actors = (action.participant ?? []).flatMap(
    (each) => extensionOf(each, 'approval-actor')?.valueIdentifier?.value ?? [],
  );
  if (roles.length + actors.length === 0) {
    throw refuse('flow-pool-empty', 'Name a role or a person for the step.', place);
  }
  return {
    number: index + 1,
    name: action.title ?? `step ${index + 1}`,
    roles,
    actors,
    rule,
    count: count ?? 1,
    ...readThreshold(partOf(votes, 'from-amount'), place),
    eachLine: partOf(votes, 'each-line')?.valueBoolean ?? false,
  };
}

function readThreshold(
  part: Extension | undefined,
  place: string,
): Pick<FlowStep, 'fromMinor' | 'currency'> {
  if (!part) return { fromMinor: null, currency: null };
  const { minor, currency } = fromFhirMoney(part.valueMoney, `PlanDefinition.${place}`);
  if (minor > 0n) return { fromMinor: minor.toString(), currency };
  return { fromMinor: null, currency: null };
}

function refuse(code: string, diagnostics: string, place: string): Problem {
  return problem('business-rule', code, diagnostics, `PlanDefinition.${place}`);
}

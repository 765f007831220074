/**
 * Operations on Subscriptions: how they stand (`$status`), what happened (`$events`, to catch up on
 * what was lost), and a new signing key (`$rotate-secret`), which is shown this once.
 *
 * Spec: https://hl7.org/fhir/uv/subscriptions-backport, backport-subscription-status and -events
 */

import type {
  Bundle,
  OperationDefinition,
  OperationDefinitionParameter,
  Parameters,
  Subscription,
} from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import {
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  problem,
} from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { BY_TYPE } from '../operations/by-type.ts';
import { fhirOf } from '../types.ts';
import { notification, statusParameters } from './notification.ts';
import { keyText } from './sign.ts';
import { rotateKey } from './store/secrets.ts';
import { readStatuses, type StatusRow } from './store/status.ts';
import { authorOf, eventsBetween, type Subscriber } from './store/subscribers.ts';

const GUIDE = 'http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition';
/** Events in one answer of `$events`. */
const EVENTS_MAX = 200;
/** Subscriptions in one answer of `$status`. */
const STATUS_MAX = 1000;
const DAY_MS = 24 * 3600 * 1000;
/** Days that the key before a rotation signs as well, where the caller does not say. */
const OVERLAP_DAYS = 7;

const input = (name: string, type: string, max = '1'): OperationDefinitionParameter =>
  ({ name, use: 'in', min: 0, max, type }) as OperationDefinitionParameter;

function define(
  definition: Pick<OperationDefinition, 'url' | 'name' | 'code' | 'description' | 'parameter'>,
  where: { type: boolean; affectsState: boolean },
): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    status: 'active',
    kind: 'operation',
    resource: ['Subscription'],
    system: false,
    instance: true,
    ...where,
    ...definition,
  };
}

const statusOperation: Operation = {
  definition: define(
    {
      url: `${GUIDE}/backport-subscription-status`,
      name: 'SubscriptionStatus',
      code: 'status',
      description: 'Says how Subscriptions stand and how many events they have had.',
      parameter: [
        input('id', 'id', '*'),
        input('status', 'code', '*'),
        outputParameter('return', 'Bundle', 1),
      ],
    },
    { type: true, affectsState: false },
  ),
  permission: BY_TYPE,
  async run(ctx, given) {
    const unit = ctx as UnitOfWork & typeof ctx;
    const found = await visible(unit, given);
    const base = fhirOf(unit).base();
    const rows = await readStatuses(unit, [...found.keys()]);
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      total: rows.length,
      entry: rows.map((row) => {
        const { error } = found.get(row.id)!;
        const status = statusParameters(base, { ...row, ...(error && { error }) }, 'query-status');
        return { fullUrl: `urn:uuid:${status.id}`, resource: status, search: { mode: 'match' } };
      }),
    } satisfies Bundle;
  },
};

const eventsOperation: Operation = {
  definition: define(
    {
      url: `${GUIDE}/backport-subscription-events`,
      name: 'SubscriptionEvents',
      code: 'events',
      description:
        `Gives events of a Subscription again, by number, at most ${EVENTS_MAX} at once: ask on ` +
        'from the last number that came.',
      parameter: [
        input('eventsSinceNumber', 'string'),
        input('eventsUntilNumber', 'string'),
        input('content', 'code'),
        outputParameter('return', 'Bundle', 1),
      ],
    },
    { type: false, affectsState: false },
  ),
  permission: BY_TYPE,
  async run(ctx, given) {
    const unit = ctx as UnitOfWork & typeof ctx;
    const row = await theOne(unit, given);
    const since = numberOf(given, 'eventsSinceNumber') ?? 1n;
    const until = numberOf(given, 'eventsUntilNumber') ?? row.matched;
    const events = await eventsBetween(unit, row.rid, since, until, EVENTS_MAX);
    const content = contentOf(given) ?? row.content;
    return (await notification(unit, row, 'query-event', events, content)).bundle;
  },
};

const rotateOperation: Operation = {
  definition: define(
    {
      url: operationDefinition('rotate-secret'),
      name: 'SubscriptionRotateSecret',
      code: 'rotate-secret',
      description:
        'Makes a new key with which messages are signed, and shows it this once. The key before ' +
        `signs as well for ${OVERLAP_DAYS} days, or as many as overlap-days says.`,
      parameter: [
        input('overlap-days', 'unsignedInt'),
        outputParameter('secret', 'string', 1),
        outputParameter('before-until', 'instant', 1),
      ],
    },
    { type: false, affectsState: true },
  ),
  permission: BY_TYPE,
  async run(ctx, given) {
    const unit = ctx as UnitOfWork & typeof ctx;
    authorize(unit, 'update', 'Subscription');
    const row = await theOne(unit, given);
    if ((await authorOf(unit, row.id)) !== unit.actor.id) {
      throw problem(
        'forbidden',
        'subscription-not-author',
        'Only whoever wrote the Subscription last is given its key; write it first.',
      );
    }
    const days = Math.min(parameterOf(given, 'overlap-days')?.valueUnsignedInt ?? OVERLAP_DAYS, 90);
    const until = new Date(unit.now.getTime() + days * DAY_MS);
    const key = await rotateKey(unit, row.id, until);
    return {
      resourceType: 'Parameters',
      parameter: [
        { name: 'secret', valueString: keyText(key) },
        { name: 'before-until', valueInstant: until.toISOString() },
      ],
    } satisfies Parameters;
  },
};

/** The operations of the room. */
export const subscriptionOperations = [statusOperation, eventsOperation, rotateOperation];

function parameterOf({ parameters }: OperationInput, name: string) {
  return parameters.parameter?.find((each) => each.name === name);
}

function numberOf(given: OperationInput, name: string): bigint | undefined {
  const text = parameterOf(given, name)?.valueString;
  if (text === undefined || /^\d{1,18}$/.test(text))
    return text === undefined ? text : BigInt(text);
  throw problem('value', 'operation-parameter', `${name} is the number of an event.`, name);
}

function contentOf(given: OperationInput): Subscriber['content'] | undefined {
  const code = parameterOf(given, 'content')?.valueCode;
  const found = (['empty', 'id-only', 'full-resource'] as const).find((each) => each === code);
  if (found || code === undefined) return found;
  throw problem(
    'code-invalid',
    'operation-parameter',
    'content is empty, id-only or full-resource.',
    'content',
  );
}

/** The Subscription of the URL. */
async function theOne(unit: UnitOfWork, given: OperationInput): Promise<StatusRow> {
  authorize(unit, 'read', 'Subscription');
  await unit.fhir.read('Subscription', given.id!);
  const [row] = await readStatuses(unit, [given.id!]);
  return row!;
}

/** The Subscriptions that are asked for and that the caller may see, by id. */
async function visible(
  unit: UnitOfWork,
  given: OperationInput,
): Promise<ReadonlyMap<string, Subscription>> {
  const all = given.parameters.parameter ?? [];
  const ids = given.id ? [given.id] : all.flatMap((each) => each.valueId ?? []);
  const codes = given.id ? [] : all.flatMap((each) => each.valueCode ?? []);
  const query = new URLSearchParams({ _count: String(STATUS_MAX) });
  if (ids.length > 0) query.append('_id', ids.join(','));
  if (codes.length > 0) query.append('status', codes.join(','));
  const { entry = [] } = await unit.fhir.search<Subscription>('Subscription', query.toString());
  return new Map(
    entry.flatMap(({ resource }) =>
      resource?.resourceType === 'Subscription' ? [[resource.id!, resource] as const] : [],
    ),
  );
}

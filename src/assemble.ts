/**
 * Assembles the house: takes the modules as values, checks names, dependencies and clashes, and
 * builds the registers by which everything is found. All faults are reported together, before
 * anything starts.
 */

import type { Resource } from '@medplum/fhirtypes';
import { forgetExpired, forgetHandler } from './access/forget.ts';
import type { Registers } from './app.ts';
import { makePartitions, makeTrailPartitions } from './audit/partitions.ts';
import { seal, sealTrail } from './audit/seal.ts';
import { verify } from './audit/verify.ts';
import { asyncHandlers, forgetAsync } from './fhir/async/run.ts';
import { bulkHandlers, removeBulkFiles } from './fhir/bulk/jobs.ts';
import { bulkOperations } from './fhir/bulk/operations.ts';
import { everythingOperations } from './fhir/operations/everything.ts';
import { pixOperation } from './fhir/operations/ihe-pix.ts';
import { metaOperations } from './fhir/operations/meta.ts';
import { validateOperation } from './fhir/operations/validate.ts';
import { viewOperations } from './fhir/operations/view-run.ts';
import { parametersRoom } from './fhir/parameters/index.ts';
import { subscriptionsRoom } from './fhir/subscriptions/index.ts';
import { terminologyOperations } from './fhir/terminology/index.ts';
import type { FhirHouse } from './fhir/types.ts';
import { oldSlots, removeOldRecords, removeOldRecordsHandler } from './jobs/housekeeping.ts';
import {
  contribute,
  type Guard,
  handle,
  housekeeping,
  type Module,
  type Operation,
  type ProjectedBinding,
  type Setting,
  type StoredBinding,
  trailVerifier,
} from './sdk/index.ts';

/** Modules that cannot be assembled; the message lists every fault. */
export class AssemblyFault extends Error {}

/** What assembly gives: the registers of the house and of the FHIR room. */
export interface Assembly {
  readonly registers: Registers;
  readonly settings: readonly Setting<unknown>[];
  readonly fhir: Pick<FhirHouse, 'stored' | 'projected' | 'guards' | 'operations'>;
  /** Definitions that modules bring from outside the repository. */
  readonly definitions: readonly Resource[];
}

/** What the house itself does on the clock. */
const HOUSE: Module = {
  name: 'house',
  title: 'The house',
  contributes: [contribute(trailVerifier, verify), contribute(housekeeping, oldSlots)],
  operations: [
    validateOperation,
    ...everythingOperations,
    ...metaOperations,
    pixOperation,
    ...viewOperations,
    ...terminologyOperations,
    ...bulkOperations,
  ],
  jobs: [
    handle(sealTrail, async (ctx) => void (await seal(ctx))),
    handle(makeTrailPartitions, async (ctx) => void (await makePartitions(ctx))),
    removeOldRecordsHandler,
    forgetHandler,
    ...bulkHandlers,
    ...asyncHandlers,
  ],
  schedule: [
    { at: '* * * * *', job: sealTrail, does: 'seals the trail' },
    { at: '23 3 * * *', job: makeTrailPartitions, does: 'makes the coming months of the trail' },
    { at: '41 3 * * *', job: removeOldRecords, does: 'removes records that are old enough' },
    { at: '29 * * * *', job: forgetAsync, does: 'forgets answers nobody has come back for' },
    { at: '17 * * * *', job: forgetExpired, does: 'forgets sign-ins whose time is over' },
    { at: '37 * * * *', job: removeBulkFiles, does: 'removes bulk files whose time is over' },
  ],
};

/**
 * Assembles modules in the order given, which must put dependencies first.
 *
 * @throws AssemblyFault
 */
export function assemble(
  given: readonly Module[],
  houseSettings: readonly Setting<unknown>[],
): Assembly {
  const modules = [HOUSE, parametersRoom, subscriptionsRoom(given), ...given];
  const faults = [
    ...nameFaults(modules),
    ...dependencyFaults(modules),
    ...clashes(modules, houseSettings),
  ];
  if (faults.length > 0) throw new AssemblyFault(faults.join('\n'));
  const reactions = modules.flatMap((module) =>
    (module.reactions ?? []).map(
      (reaction, index) => [`${module.name}/${reaction.event.name}/${index}`, reaction] as const,
    ),
  );
  return {
    settings: [...houseSettings, ...modules.flatMap((module) => module.settings ?? [])],
    definitions: modules.flatMap((module) => module.definitions ?? []),
    registers: {
      modules,
      jobs: new Map(
        modules.flatMap((module) => (module.jobs ?? []).map((each) => [each.job.name, each])),
      ),
      reactions: new Map(reactions),
      reactionsByEvent: grouped(
        reactions,
        ([, reaction]) => reaction.event.name,
        ([key]) => key,
      ),
      schedule: modules.flatMap((module) => module.schedule ?? []),
      permissions: new Map(
        modules.flatMap((module) => (module.permissions ?? []).map((each) => [each.name, each])),
      ),
      contributions: grouped(
        modules.flatMap((module) => module.contributes ?? []),
        (each) => each.point.name,
        (each) => each.part,
      ),
    },
    fhir: fhirRegisters(modules),
  };
}

function grouped<Item, Value>(
  items: readonly Item[],
  key: (item: Item) => string,
  value: (item: Item) => Value,
): Map<string, Value[]> {
  const map = new Map<string, Value[]>();
  for (const item of items) {
    const list = map.get(key(item)) ?? [];
    list.push(value(item));
    map.set(key(item), list);
  }
  return map;
}

function fhirRegisters(modules: readonly Module[]): Assembly['fhir'] {
  const bindings = modules.flatMap((module) => module.resources ?? []);
  const same = <Item>(item: Item): Item => item;
  return {
    stored: grouped(
      bindings.filter((each): each is StoredBinding => each.kept === 'stored'),
      (each) => each.type,
      same,
    ),
    projected: grouped(
      bindings.filter((each): each is ProjectedBinding => each.kept === 'projected'),
      (each) => each.type,
      same,
    ),
    guards: grouped(
      modules.flatMap((module): readonly Guard[] => module.guards ?? []),
      (each) => each.type,
      same,
    ),
    operations: new Map(
      modules
        .flatMap((module) => module.operations ?? [])
        .flatMap((each) => operationKeys(each).map((key) => [key, each] as const)),
    ),
  };
}

/** Every path under which an operation is found: `$code`, `Type/$code`, `Type/[id]/$code`. */
export function operationKeys({ definition }: Operation): string[] {
  const code = `$${definition.code}`;
  const types = definition.resource ?? [];
  return [
    ...(definition.system ? [code] : []),
    ...(definition.type ? types.map((type) => `${type}/${code}`) : []),
    ...(definition.instance ? types.map((type) => `${type}/[id]/${code}`) : []),
  ];
}

function nameFaults(modules: readonly Module[]): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const { name } of modules) {
    if (!/^[a-z][a-z0-9-]*$/.test(name)) faults.push(`module "${name}": names are kebab-case`);
    if (seen.has(name)) faults.push(`module "${name}" is registered twice`);
    seen.add(name);
  }
  return faults;
}

function dependencyFaults(modules: readonly Module[]): string[] {
  const faults: string[] = [];
  const all = new Set(modules.map((module) => module.name));
  const before = new Set<string>();
  for (const { name, dependsOn = [] } of modules) {
    for (const needed of dependsOn) {
      if (!all.has(needed)) faults.push(`module "${name}" needs "${needed}", which is not here`);
      else if (!before.has(needed)) {
        faults.push(`module "${name}" stands before "${needed}", which it needs; change the order`);
      }
    }
    before.add(name);
  }
  return faults;
}

function clashes(modules: readonly Module[], houseSettings: readonly Setting<unknown>[]): string[] {
  const faults: string[] = [];
  const check = (what: string, pick: (module: Module) => readonly string[]): void => {
    const owners = new Map<string, string>();
    for (const module of modules) {
      for (const name of pick(module)) {
        const owner = owners.get(name);
        if (owner) faults.push(`${what} "${name}" is brought by "${owner}" and "${module.name}"`);
        owners.set(name, module.name);
      }
    }
  };
  const house = new Set(houseSettings.map((each) => each.name));
  check('setting', (module) => (module.settings ?? []).map((each) => each.name));
  for (const module of modules) {
    for (const each of module.settings ?? []) {
      if (house.has(each.name))
        faults.push(`setting "${each.name}" of "${module.name}" is the house's`);
    }
  }
  check('permission', (module) => (module.permissions ?? []).map((each) => each.name));
  check('job', (module) => (module.jobs ?? []).map((each) => each.job.name));
  check('operation', (module) => (module.operations ?? []).flatMap(operationKeys));
  check('route', (module) => (module.routes ?? []).map((each) => `${each.method} ${each.path}`));
  check('page', (module) => (module.pages ?? []).map((each) => each.path));
  check('projected profile', (module) =>
    (module.resources ?? []).flatMap((each) => (each.kept === 'projected' ? [each.profile] : [])),
  );
  return [...faults, ...scheduleFaults(modules)];
}

function scheduleFaults(modules: readonly Module[]): string[] {
  const jobs = new Set(
    modules.flatMap((module) => (module.jobs ?? []).map((each) => each.job.name)),
  );
  return modules.flatMap((module) =>
    (module.schedule ?? [])
      .filter((line) => !jobs.has(line.job.name))
      .map((line) => `"${module.name}" rings job "${line.job.name}", which nobody handles`),
  );
}

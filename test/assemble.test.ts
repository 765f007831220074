/** Modules are checked together before anything starts, and all faults are told at once. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { MODULES } from '../modules/index.ts';
import { AssemblyFault, assemble, operationKeys } from '../src/assemble.ts';
import { planHouse } from '../src/house.ts';
import {
  contribute,
  event,
  extensionPoint,
  handle,
  job,
  type Module,
  type Operation,
  on,
  permission,
  setting,
} from '../src/sdk/index.ts';
import { HOUSE_SETTINGS, SettingsFault } from '../src/settings.ts';

const some = (name: string, parts: Partial<Module> = {}): Module => ({
  name,
  title: name,
  ...parts,
});

const faultsOf = (...modules: Module[]): string[] => {
  try {
    assemble(modules, HOUSE_SETTINGS);
    return [];
  } catch (error) {
    if (!(error instanceof AssemblyFault)) throw error;
    return error.message.split('\n');
  }
};

const operation = (code: string, parts: object): Operation => ({
  definition: {
    resourceType: 'OperationDefinition',
    name: code,
    status: 'active',
    kind: 'operation',
    code,
    system: false,
    type: false,
    instance: false,
    ...parts,
  },
  permission: permission('x.call', 'calls'),
  run: async () => ({ resourceType: 'Parameters' }),
});

describe('assembling the house', () => {
  it('takes the modules of this repository', () => {
    const { registers } = assemble(MODULES, HOUSE_SETTINGS);
    expect(registers.modules.map((module) => module.name)).to.include('households');
  });

  it('refuses a name that is taken or is not kebab-case', () => {
    expect(faultsOf(some('Payroll'), some('a'), some('a'))).to.deep.equal([
      'module "Payroll": names are kebab-case',
      'module "a" is registered twice',
    ]);
  });

  it('refuses a dependency that is missing or comes later, hence every circle', () => {
    expect(faultsOf(some('a', { dependsOn: ['b'] }))).to.deep.equal([
      'module "a" needs "b", which is not here',
    ]);
    const circle = [some('a', { dependsOn: ['b'] }), some('b', { dependsOn: ['a'] })];
    expect(faultsOf(...circle)).to.have.length(1);
    expect(faultsOf(...circle)[0]).to.include('change the order');
  });

  it('refuses two owners of one thing, naming both', () => {
    const tick = job('x.tick', 'ticks');
    const parts = (): Partial<Module> => ({
      permissions: [permission('x.do', 'does')],
      jobs: [handle(tick, async () => {})],
      operations: [operation('do', { resource: ['Group'], instance: true })],
      routes: [
        {
          method: 'POST',
          path: '/x',
          does: 'takes',
          access: 'verified-here',
          run: async () => ({ status: 200 }),
        },
      ],
    });
    expect(faultsOf(some('a', parts()), some('b', parts()))).to.deep.equal([
      'permission "x.do" is brought by "a" and "b"',
      'job "x.tick" is brought by "a" and "b"',
      'operation "Group/[id]/$do" is brought by "a" and "b"',
      'route "POST /x" is brought by "a" and "b"',
    ]);
  });

  it('refuses settings that clash with each other or with the house', () => {
    const own = setting({ name: 'X_MAX', means: 'x', default: 1, parse: Number });
    const house = setting({ name: 'PORT', means: 'x', default: 1, parse: Number });
    expect(
      faultsOf(some('a', { settings: [own] }), some('b', { settings: [own, house] })),
    ).to.deep.equal([
      'setting "X_MAX" is brought by "a" and "b"',
      'setting "PORT" of "b" is the house\'s',
    ]);
  });

  it('refuses a clock line whose job nobody handles', () => {
    const tick = job<Record<string, never>>('x.tick', 'ticks');
    const line = { at: '* * * * *', job: tick, does: 'ticks' };
    expect(faultsOf(some('a', { schedule: [line] }))).to.deep.equal([
      '"a" rings job "x.tick", which nobody handles',
    ]);
  });

  it('tells all faults at once', () => {
    expect(faultsOf(some('A'), some('b', { dependsOn: ['c', 'd'] }))).to.have.length(3);
  });

  it('finds an operation under every path that its definition allows', () => {
    const everywhere = { resource: ['Group', 'Patient'], system: true, type: true, instance: true };
    expect(operationKeys(operation('do', everywhere))).to.deep.equal([
      '$do',
      'Group/$do',
      'Patient/$do',
      'Group/[id]/$do',
      'Patient/[id]/$do',
    ]);
  });

  it('registers reactions by event and parts by extension point, in the order of modules', () => {
    const happened = event<object>('x.happened', 'it has happened');
    const point = extensionPoint<string>('x.point', 'words');
    const react = on(happened, 'reacts', async () => {});
    const { registers } = assemble(
      [
        some('a', { reactions: [react, react], contributes: [contribute(point, 'first')] }),
        some('b', { reactions: [react], contributes: [contribute(point, 'second')] }),
      ],
      HOUSE_SETTINGS,
    );
    expect(registers.reactionsByEvent.get('x.happened')).to.deep.equal([
      'a/x.happened/0',
      'a/x.happened/1',
      'b/x.happened/0',
    ]);
    expect(registers.contributions.get('x.point')).to.deep.equal(['first', 'second']);
  });

  it('reads the settings of modules with those of the house', () => {
    const own = setting({
      name: 'X_MAX',
      means: 'x',
      default: 1,
      parse: (text: string) => {
        if (text !== '2') throw new Error('must be 2');
        return 2;
      },
    });
    const module = some('a', { settings: [own] });
    expect(planHouse([module], { X_MAX: '2' }).settings.get(own)).to.equal(2);
    expect(() => planHouse([module], { X_MAX: '3', PORT: 'x' })).to.throw(
      SettingsFault,
      /PORT[\s\S]*X_MAX must be 2/,
    );
  });
});

/**
 * A scheme with three households that are paid by a simulated provider, and people with roles: what
 * tests of payrolls begin with.
 */

import type { PlanDefinitionAction } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { HONEST, setBehaviour } from '../../../modules/adapters/simulator/index.ts';
import { enquireDue } from '../../../modules/disbursement/index.ts';
import { raiseHold } from '../../../modules/households/index.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import {
  type Context,
  identifierSystem,
  type JobToken,
  structureDefinition,
} from '../../../src/sdk/index.ts';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';
import {
  area,
  base,
  criterion,
  household,
  inArea,
  mobileAccount,
  patient,
  provider,
  scheme,
} from '../support/people.ts';

/** Parameters of a call by name. */
export type Given = readonly object[];

export const text = (name: string, valueString: string) => ({ name, valueString });
export const code = (name: string, valueCode: string) => ({ name, valueCode });
export const money = (name: string, value: number) => ({
  name,
  valueMoney: { value, currency: 'KES' },
});

/** A step of a flow. */
export function step(
  title: string,
  pool: { role?: string; actors?: readonly string[] },
  votes: { rule: string; count?: number; from?: number; eachLine?: boolean },
): PlanDefinitionAction {
  return {
    title,
    participant: [
      ...(pool.role
        ? [
            {
              type: 'practitioner' as const,
              role: { coding: [{ system: identifierSystem('role'), code: pool.role }] },
            },
          ]
        : []),
      ...(pool.actors ?? []).map((value) => ({
        type: 'practitioner' as const,
        extension: [
          {
            url: structureDefinition('approval-actor'),
            valueIdentifier: { system: identifierSystem('actor'), value },
          },
        ],
      })),
    ],
    extension: [
      {
        url: structureDefinition('approval-votes'),
        extension: [
          { url: 'rule', valueCode: votes.rule },
          ...(votes.count ? [{ url: 'count', valuePositiveInt: votes.count }] : []),
          ...(votes.from
            ? [{ url: 'from-amount', valueMoney: { value: votes.from, currency: 'KES' as const } }]
            : []),
          ...(votes.eachLine ? [{ url: 'each-line', valueBoolean: true }] : []),
        ],
      },
    ],
  };
}

/** An approval flow of the scheme. */
export function flow(action: PlanDefinitionAction[], id = 'flow') {
  return {
    resourceType: 'PlanDefinition',
    id,
    meta: { profile: [structureDefinition('approval-flow')] },
    title: 'flow',
    status: 'active',
    useContext: [
      {
        code: {
          system: 'http://terminology.hl7.org/CodeSystem/usage-context-type',
          code: 'program',
        },
        valueReference: { reference: 'InsurancePlan/s' },
      },
    ],
    action,
  };
}

/** What a test holds. */
export class Scene {
  readonly house: TestHouse;
  readonly maker: string;
  readonly checker: string;
  private constructor(house: TestHouse, maker: string, checker: string) {
    this.house = house;
    this.maker = maker;
    this.checker = checker;
  }

  /** Three households in two areas, each due 100 KES a month from `fund:s`. */
  static async open(environment: Record<string, string> = {}): Promise<Scene> {
    const house = await startTestHouse({ environment });
    const maker = await house.tokenFor('payroll-officer');
    const scene = new Scene(house, maker, await house.tokenFor('payroll-approver'));
    await scene.put(provider('bank'));
    await scene.put(area('north'));
    await scene.put(area('south'));
    for (const n of [1, 2, 3]) await scene.register(n);
    await scene.putScheme(100);
    await scene.done('InsurancePlan/s/$enrol');
    await scene.fund('fund:s', 100_000);
    await house.settle();
    return scene;
  }

  putScheme(amount: number): Promise<void> {
    const monthly = { url: 'frequency', valueCode: 'monthly' };
    return this.put(scheme('s', [monthly, criterion('size >= 1'), base(amount)]));
  }

  async register(n: number, place = n === 1 ? 'north' : 'south'): Promise<void> {
    await this.put(patient(`p-${n}`));
    const extension = [mobileAccount('bank', `+25470000000${n}`), inArea(place)];
    await this.put(household(`h-${n}`, [`head:p-${n}`], { extension }));
  }

  async put(resource: { resourceType: string; id?: string }): Promise<void> {
    const path = `${resource.resourceType}/${resource.id}`;
    const answer = await this.house.fetch(path, { method: 'PUT', body: resource });
    expect(answer.status, answer.text).to.be.below(300);
  }

  call(path: string, parameter: Given = [], token?: string): Promise<Answer> {
    const body = { resourceType: 'Parameters', parameter };
    return this.house.fetch(path, { body, ...(token && { token }) });
  }

  /** A call that must succeed; answers its parameters by name. */
  async done(path: string, parameter: Given = [], token?: string): Promise<Record<string, Json>> {
    const answer = await this.call(path, parameter, token);
    expect(answer.status, answer.text).to.equal(200);
    const given = (answer.json.parameter ?? []) as { name: string }[];
    return Object.fromEntries(given.map((each) => [each.name, each]));
  }

  /** Code of the problem of a call that must be refused. */
  async refused(path: string, parameter: Given = [], token?: string): Promise<string> {
    const answer = await this.call(path, parameter, token);
    expect(answer.status, answer.text).to.be.within(400, 499);
    return answer.json.issue[0].details.coding[0].code;
  }

  fund(account: string, value: number): Promise<unknown> {
    return this.done('$fund', [
      text('account', account),
      money('amount', value),
      text('reference', 'test'),
    ]);
  }

  /** Drafts a payroll as the maker; answers `List/[id]`. */
  async draft(parameter: Given = []): Promise<string> {
    const made = await this.done('InsurancePlan/s/$draft-payroll', parameter, this.maker);
    return made.payroll.valueReference.reference;
  }

  /** Drafts and approves; lets the money go. */
  async pay(parameter: Given = []): Promise<string> {
    const payroll = await this.draft(parameter);
    await this.done(`${payroll}/$approve`, [], this.checker);
    await this.house.settle();
    return payroll;
  }

  inside<Result>(work: (ctx: Context) => Promise<Result>): Promise<Result> {
    return runUnitOfWork(this.house.app, SYSTEM, {}, work);
  }

  hold(id: string): Promise<unknown> {
    return this.inside((ctx) =>
      raiseHold(ctx, { subject: { type: 'Group', id }, code: 'grievance', policy: 'hard' }),
    );
  }

  /** How many of a thousand orders the provider loses. */
  losing(perMille: number): Promise<void> {
    return this.inside(async (ctx) => {
      const rid = (await ctx.fhir.rids('Organization', ['bank'])).get('bank')!;
      await setBehaviour(ctx, rid, { ...HONEST, lose_before_per_mille: perMille });
    });
  }

  async pass(seconds: number, job: JobToken<Record<string, never>> = enquireDue): Promise<void> {
    await this.house.advance(seconds);
    await this.inside(async (ctx) => ctx.enqueue(job, {}));
    await this.house.settle();
  }

  async rows<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.house.database.pool.query<Row>(sql, values)).rows;
  }

  /** Lines and exclusions of a payroll as `h-1 open 100` and `h-2 hold`, in order. */
  async lines(payroll: string): Promise<string[]> {
    const rows = await this.rows<{ line: string }>(
      `select h.fhir_id || ' ' || l.state || ' ' || l.amount_minor / 100 as line
       from payroll_line l join household h using (household_id)
       where l.payroll_id = $1 and l.state <> 'cancelled'
       union all
       select h.fhir_id || ' ' || e.reason from payroll_exclusion e join household h using (household_id)
       where e.payroll_id = $1 order by 1`,
      [payroll.slice('List/'.length)],
    );
    return rows.map((row) => row.line);
  }

  /** Faults of the books. */
  async paid(): Promise<string[]> {
    const rows = await this.rows<{ paid: string }>(
      `select h.fhir_id || ' ' || sum(i.amount_minor) / 100 as paid
       from instruction i join household h on h.household_id = i.payee_id
       where i.state = 'paid' group by h.fhir_id order by 1`,
    );
    return rows.map((row) => row.paid.replace(/\.0+$/, ''));
  }
}

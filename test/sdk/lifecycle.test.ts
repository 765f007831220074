/** A lifecycle table decides who may do what in which state; four eyes are part of the table. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  type Context,
  lifecycle,
  lifecycleTable,
  Problem,
  permission,
  problem,
  transition,
} from '../../src/sdk/index.ts';

const approve = permission('test.approve', 'approves');
const table = lifecycle({
  name: 'payroll',
  initial: 'drafted',
  states: ['drafted', 'approved', 'rejected'],
  transitions: [
    {
      act: 'approve',
      from: ['drafted'],
      to: 'approved',
      permission: approve,
      anotherPersonThan: ['draft'],
    },
    { act: 'reject', from: ['drafted', 'approved'], to: 'rejected', needsReason: true },
  ],
});

function actor(id: string, permissions: string[] = []): Context {
  const may = (each: { name: string }) => permissions.includes(each.name);
  return {
    actor: { id },
    may,
    demand: (each: { name: string }) => {
      if (!may(each)) throw problem('forbidden', 'permission-missing', `needs ${each.name}`);
    },
  } as unknown as Context;
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof Problem) return error.issues[0]?.code;
    throw error;
  }
  return undefined;
}

describe('a lifecycle', () => {
  const officer = actor('officer-b', ['test.approve']);

  it('gives the next state to another person than the maker', () => {
    const row = transition(officer, table, 'approve', 'drafted', { draft: 'officer-a' });
    expect(row.to).to.equal('approved');
  });

  it('refuses the maker as checker', () => {
    expect(
      codeOf(() => transition(officer, table, 'approve', 'drafted', { draft: 'officer-b' })),
    ).to.equal('same-person');
  });

  it('refuses whoever lacks the permission', () => {
    expect(codeOf(() => transition(actor('x'), table, 'approve', 'drafted'))).to.equal(
      'permission-missing',
    );
  });

  it('refuses an act in the wrong state, saying from which it is possible', () => {
    expect(() => transition(officer, table, 'approve', 'rejected')).to.throw('from drafted');
  });

  it('refuses a rejection without a reason', () => {
    expect(codeOf(() => transition(officer, table, 'reject', 'drafted'))).to.equal(
      'reason-missing',
    );
    expect(transition(officer, table, 'reject', 'approved', {}, 'wrong list').to).to.equal(
      'rejected',
    );
  });

  it('reads as a table', () => {
    expect(lifecycleTable(table)).to.include(
      '| drafted | approve | approved | test.approve | not who did draft | – |',
    );
  });

  it('may not name an unknown state', () => {
    expect(() =>
      lifecycle({
        name: 'x',
        initial: 'a',
        states: ['a'],
        transitions: [{ act: 'go', from: ['a'], to: 'b' as 'a' }],
      }),
    ).to.throw('unknown state b');
  });
});

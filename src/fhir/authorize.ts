/**
 * Which permission an interaction needs, and whether the token's scopes allow it. One place.
 *
 * `<type>.read` covers read, vread, history and search; `<type>.write` covers create, update, patch
 * and delete; `*.read` and `*.write` cover every type; `*` covers all. SMART scopes narrow that:
 * `system/Group.rs` lets a token read and search Groups, if its roles do.
 */

import type { UnitOfWork } from '../app.ts';
import { type Actor, type Problem, problem, type Scope } from '../sdk/index.ts';

/** What is done to a type; `write` stands for any of create, update and delete. */
export type Act = 'create' | 'read' | 'update' | 'delete' | 'search' | 'write';

const LETTERS: Readonly<Record<Act, string>> = {
  create: 'c',
  read: 'r',
  update: 'u',
  delete: 'd',
  search: 's',
  write: 'cud',
};

/** @throws Problem forbidden, naming the permission or the scope */
export function authorize(unit: UnitOfWork, act: Act, type: string): void {
  const { actor } = unit;
  if (!isPermitted(actor, act, type)) throw lacking(act, type);
  if (actor.scopes && scopesFor(actor, act, type).length === 0) throw outOfScope(act, type);
}

/** True when the actor may read (or search) a type at all; for includes and searches of many. */
export function mayRead(unit: UnitOfWork, type: string, act: 'read' | 'search' = 'read'): boolean {
  const { actor } = unit;
  if (!isPermitted(actor, act, type)) return false;
  return !actor.scopes || scopesFor(actor, act, type).length > 0;
}

/** The scopes of an actor's token that allow an act on a type. */
export function scopesFor(actor: Actor, act: Act, type: string): readonly Scope[] {
  const letters = LETTERS[act];
  return (actor.scopes ?? []).filter(
    (each) =>
      (each.type === '*' || each.type === type) &&
      [...letters].some((letter) => each.allows.includes(letter)),
  );
}

function permissionOf(act: Act): 'read' | 'write' {
  return act === 'read' || act === 'search' ? 'read' : 'write';
}

function isPermitted({ permissions }: Actor, act: Act, type: string): boolean {
  if (permissions.has('*')) return true;
  const right = permissionOf(act);
  return permissions.has(`*.${right}`) || permissions.has(`${type}.${right}`);
}

function lacking(act: Act, type: string): Problem {
  return problem(
    'forbidden',
    'permission-missing',
    `This needs the permission "${type}.${permissionOf(act)}"; ask an administrator for a role ` +
      'that has it.',
  );
}

function outOfScope(act: Act, type: string): Problem {
  const letter = LETTERS[act][0];
  return problem(
    'forbidden',
    'scope-missing',
    `The token's scopes do not allow this; ask for a token with "system/${type}.${letter}".`,
  );
}

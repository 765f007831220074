/**
 * Which permission an interaction needs. One place, so that scopes and reach can be added here.
 *
 * `<type>.read` covers read, vread, history and search; `<type>.write` covers create, update, patch
 * and delete; `*.read` and `*.write` cover every type; `*` covers all.
 */

import type { UnitOfWork } from '../app.ts';
import { problem } from '../sdk/index.ts';

/** @throws Problem forbidden, naming the permission */
export function authorize(unit: UnitOfWork, act: 'read' | 'write', type: string): void {
  const { permissions } = unit.actor;
  if (permissions.has('*') || permissions.has(`*.${act}`) || permissions.has(`${type}.${act}`)) {
    return;
  }
  throw problem(
    'forbidden',
    'permission-missing',
    `This needs the permission "${type}.${act}"; ask an administrator for a role that has it.`,
  );
}

/** True when the actor may read a type at all; for includes and system-level searches. */
export function mayRead(unit: UnitOfWork, type: string): boolean {
  const { permissions } = unit.actor;
  return permissions.has('*') || permissions.has('*.read') || permissions.has(`${type}.read`);
}

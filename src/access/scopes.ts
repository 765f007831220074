/**
 * SMART App Launch v2 scopes of a token: `system/Group.rs`, `user/Claim.r?status=active`; version 1
 * (`system/Patient.read`, `.write`, `.*`) is understood as well. Scopes never give what the roles do
 * not: they narrow.
 *
 * Spec: https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
 */

import type { Scope } from '../sdk/index.ts';

const FORM =
  /^(?:system|user)\/([A-Z][A-Za-z]{1,63}|\*)\.(c?r?u?d?s?|read|write|\*)(\?[^\s]{1,500})?$/;

const VERSION_1: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };

/** True for a scope that this server understands as SMART's. */
export function isSmartScope(text: string): boolean {
  const match = FORM.exec(text);
  return match !== null && match[2] !== '';
}

/**
 * The SMART scopes in a scope text; undefined when it holds none, and the roles alone decide.
 * Others (`openid`) are passed over; a `patient/` scope gives nothing, for nobody is in the context
 * of one patient here.
 */
export function scopesOf(text: string | undefined): readonly Scope[] | undefined {
  const given = (text ?? '').split(' ').filter((each) => each.includes('/'));
  if (given.length === 0) return undefined;
  return given.flatMap((each) => {
    const match = isSmartScope(each) && FORM.exec(each);
    if (!match) return [];
    const query = match[3]?.slice(1);
    return [
      {
        type: match[1]!,
        allows: VERSION_1[match[2]!] ?? match[2]!,
        ...(query && { query }),
      },
    ];
  });
}

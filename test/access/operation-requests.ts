/**
 * Random calls of the operations that only read, as a limited actor who has every permission makes
 * them, and reads under conditions: over all, over what is theirs, what is not, and what is nobody's.
 */

import fc from 'fast-check';
import type { Asked } from './requests.ts';
import { IDENTIFIER, type World } from './world.ts';

const AREAS = ['', 'north', 'north-1', 'north-2', 'south', 'nowhere'];
const SCHEME: readonly string[] = [
  '$simulate?as-of=2026-02-01',
  '$simulate?as-of=2026-02-01&top=3',
  '$simulate?as-of=2026-02-01&_format=csv',
  '$review-eligibility?as-of=2026-02-01',
  '$review-eligibility?as-of=2026-02-01&_count=1',
  '$review-eligibility?as-of=2026-02-01&_format=csv',
  '$recertifications-due?by=2027-06-01',
  '$ceilings?',
];
const PAYROLL: readonly string[] = [
  ...['', '/_history', '/$report', '/$report?_format=csv', '/$summary', '/$votes'],
  ...['/$payment-list', '/$payment-list?_format=csv', '/$recompute'],
];
const WHOLE: readonly string[] = [
  ...[
    'Task/$next-suspicion',
    'Task/$review-quality',
    'Task/$reviewed-pairs',
    'AuditEvent/$verify',
    '$delegations',
  ],
  ...['Organization/mpesa/$exceptions', 'Organization/mpesa/$payment-files', 'Account'],
  ...['Subscription/$status', 'SearchParameter/$status', 'List?code=payroll', 'Claim', 'Task'],
  ...['Claim?_total=accurate&_count=1', 'Claim?_summary=count', 'ClaimResponse', 'Linkage'],
  ...['Claim?_list={payroll}', 'Claim?_list={payroll}&_summary=count', 'MeasureReport'],
  ...[
    'Claim?patient.family=Banda',
    'Claim?_sort=patient',
    'Patient?_has:Claim:patient:status=active',
  ],
  ...['Measure/coverage/$evaluate-measure?periodStart=2026-01-01&periodEnd=2026-01-31'],
  ...['InsurancePlan?_revinclude=Coverage:*', 'Account?_total=accurate', 'AuditEvent?_count=3'],
];

/** Calls that change nothing. */
export function operationReads(world: World): fc.Arbitrary<Asked> {
  const person = fc.constantFrom(...world.people, 'nobody');
  const get = (path: string): Asked => ({ method: 'GET', path });
  const scheme = fc
    .tuple(
      fc.constantFrom('one', 'two', 'none'),
      fc.constantFrom(...SCHEME),
      fc.constantFrom(...AREAS),
    )
    .map(([id, call, area]) =>
      get(
        `InsurancePlan/${id}/${call}${area && call.startsWith('$r') ? `&area=Location/${area}` : ''}`,
      ),
    );
  const payroll = fc.constantFrom(...PAYROLL).map((call) => get(`List/{payroll}${call}`));
  const whole = fc.constantFrom(...WHOLE).map(get);
  const about = fc
    .tuple(
      person,
      fc.constantFrom(
        'Patient/?/$cluster',
        'Claim?patient=?',
        'AuditEvent?entity=Patient/?',
        'AuditEvent?entity=Patient/?&_summary=count',
        'Task?focus=Patient/?',
        'Linkage?item=Patient/?',
        'Patient/?/$export',
      ),
    )
    .map(([id, path]) => get(path.replace('?', id)));
  const match = fc
    .record({
      who: person,
      family: fc.constantFrom('Abebe', 'Banda', 'Chanda', 'Zulu'),
      named: fc.boolean(),
      certain: fc.boolean(),
      of: fc.constantFrom('Patient', 'Group'),
    })
    .map(({ who, family, named, certain, of }): Asked => {
      const patient = {
        resourceType: 'Patient',
        id: 'm',
        name: [{ family, given: [who] }],
        birthDate: '1990-06-15',
        ...(named && { identifier: [{ system: IDENTIFIER, value: who }] }),
      };
      const group = {
        ...{ resourceType: 'Group', type: 'person', actual: true, contained: [patient] },
        member: [{ entity: { reference: '#m' } }],
      };
      return {
        method: 'POST',
        path: `${of}/$match`,
        body: {
          resourceType: 'Parameters',
          parameter: [
            { name: 'resource', resource: of === 'Group' ? group : patient },
            { name: 'onlyCertainMatches', valueBoolean: certain },
          ],
        },
      };
    });
  const probe = fc
    .tuple(
      fc.constantFrom(
        'Patient/?',
        'Group/h0',
        'Group/h1',
        'Coverage/c1',
        'Observation/o1',
        'Binary/b1',
      ),
      person,
      fc.constantFrom<Record<string, string>>(
        { 'if-none-match': 'W/"1"' },
        { 'if-none-match': 'W/"2"' },
        { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' },
        { 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' },
      ),
    )
    .map(
      ([path, id, headers]): Asked => ({
        method: 'GET',
        path: path.replace('?', id),
        headers,
      }),
    );
  return fc.oneof(
    { weight: 4, arbitrary: scheme },
    { weight: 3, arbitrary: payroll },
    { weight: 4, arbitrary: whole },
    { weight: 2, arbitrary: about },
    { weight: 3, arbitrary: match },
    { weight: 2, arbitrary: probe },
  );
}

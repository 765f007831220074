/**
 * Households registered over HTTP as their registry sends them: one transaction each, a Group and
 * five Patients, all under conditional create by identifier, over 16 connections.
 */

import type { Bundle } from '@medplum/fhirtypes';
import { codeSystem, structureDefinition } from '../../src/sdk/index.ts';
import { CONNECTIONS, startRemote } from './remote.ts';
import { type BenchOptions, type Report, sizeOf } from './report.ts';

export const name = 'bundle';

const MEMBERS = 5;

/** Runs with `--bundles N`, by default 2,000. */
export async function run(report: Report, options: BenchOptions): Promise<void> {
  const wanted = sizeOf(options, 'bundles', 2_000);
  const remote = await startRemote();
  try {
    const waits: number[] = [];
    let faults = 0;
    let sent = 0;
    const send = async (): Promise<void> => {
      while (sent < wanted) {
        sent += 1;
        const body = householdBundle(sent);
        const begun = performance.now();
        const { status } = await remote.send('POST', '', body);
        waits.push(performance.now() - begun);
        if (status !== 200) faults += 1;
      }
    };
    const begun = performance.now();
    await Promise.all(Array.from({ length: CONNECTIONS }, send));
    const seconds = (performance.now() - begun) / 1000;
    waits.sort((a, b) => a - b);
    report('household bundles', wanted / seconds, 'bundles/s', 250, 'higher');
    report('slowest of 100', waits[Math.floor(waits.length * 0.99)]!, 'ms');
    report('refused', faults, 'bundles', 0, 'lower');
  } finally {
    await remote.stop();
  }
}

function householdBundle(number: number): Bundle {
  const members = Array.from({ length: MEMBERS }, (_, at) => ({
    fullUrl: `urn:uuid:00000000-0000-4000-8000-${String(number * 10 + at).padStart(12, '0')}`,
    resource: {
      resourceType: 'Patient' as const,
      meta: { profile: [structureDefinition('member')] },
      identifier: [{ system: 'urn:bench:person', value: `${number}-${at}` }],
      name: [{ family: `Family${number % 997}`, given: [`Given${at}`] }],
      gender: at % 2 ? ('male' as const) : ('female' as const),
      birthDate: `${1950 + ((number * 7 + at * 13) % 70)}-03-15`,
      address: [{ city: `Town${number % 89}`, country: 'KE' }],
    },
    request: {
      method: 'POST' as const,
      url: 'Patient',
      ifNoneExist: `identifier=urn:bench:person|${number}-${at}`,
    },
  }));
  const group = {
    fullUrl: `urn:uuid:00000000-0000-4000-9000-${String(number).padStart(12, '0')}`,
    resource: {
      resourceType: 'Group' as const,
      meta: { profile: [structureDefinition('household')] },
      identifier: [{ system: 'urn:bench:household', value: String(number) }],
      type: 'person' as const,
      actual: true,
      code: { coding: [{ system: codeSystem('group-type'), code: 'household' }] },
      member: members.map(({ fullUrl }, at) => ({
        entity: { reference: fullUrl },
        ...(at === 0 && {
          extension: [{ url: structureDefinition('member-role'), valueCode: 'head' }],
        }),
      })),
    },
    request: {
      method: 'POST' as const,
      url: 'Group',
      ifNoneExist: `identifier=urn:bench:household|${number}`,
    },
  };
  return { resourceType: 'Bundle', type: 'transaction', entry: [group, ...members] };
}

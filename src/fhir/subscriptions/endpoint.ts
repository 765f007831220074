/**
 * Where subscriptions may send: https at public addresses, and by setting also hosts of the own
 * network. A subscriber names the URL, so without this rule it could make the server knock at
 * databases and metadata services behind the firewall (server-side request forgery).
 *
 * A name is checked when the subscription is written, each address when a connection is made: a
 * name may lead elsewhere tomorrow.
 *
 * Sources: IANA special-purpose address registries (RFC 6890); OWASP SSRF prevention.
 */

import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { problem } from '../../sdk/index.ts';

const SPECIAL_4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const;

/** Global unicast is 2000::/3; these parts of it lead elsewhere. */
const SPECIAL_6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
] as const;

const special = new BlockList();
for (const [net, bits] of SPECIAL_4) special.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of SPECIAL_6) special.addSubnet(net, bits, 'ipv6');
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

/** True for an address of the public internet. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !special.check(address, 'ipv4');
  return family === 6 && global6.check(address, 'ipv6') && !special.check(address, 'ipv6');
}

/** True for a host that the setting names, with any port or this one. */
export function isInside(url: URL, inside: readonly string[]): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return inside.includes(url.hostname) || inside.includes(`${url.hostname}:${port}`);
}

/**
 * Checks the URL of an endpoint; names are not resolved yet.
 *
 * @param inside  hosts that the setting SUBSCRIPTION_INSIDE_HOSTS names
 * @throws Problem naming what is not allowed and what is
 */
export function checkEndpoint(text: string | undefined, inside: readonly string[]): URL {
  const place = 'Subscription.channel.endpoint';
  if (text === undefined) {
    throw problem('required', 'subscription-endpoint', 'Name the URL to send to.', place);
  }
  const refuse = (why: string) => problem('business-rule', 'subscription-endpoint', why, place);
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw refuse('The endpoint must be an absolute https URL.');
  }
  if (url.username || url.password) {
    throw refuse('Put credentials into channel.header, not into the URL, which others may read.');
  }
  if (url.hash) throw refuse('The endpoint must have no fragment (#…).');
  if (isInside(url, inside)) return url;
  if (url.protocol === 'http:') {
    throw refuse(
      'The endpoint must be https; plain http only to hosts that the operator names in ' +
        'SUBSCRIPTION_INSIDE_HOSTS.',
    );
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isName = isIP(host) === 0;
  if (isName ? !host.includes('.') || host.endsWith('.localhost') : !isPublicAddress(host)) {
    throw refuse(
      'The endpoint must be at a public address; others only where the operator names the host in ' +
        'SUBSCRIPTION_INSIDE_HOSTS.',
    );
  }
  return url;
}

/** An address that subscriptions may not reach. */
export class AddressRefused extends Error {
  readonly code = 'ADDRESS_REFUSED';
}

type Found = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** Resolves a name for a connection, refusing it when any address of it is not public. */
export function lookUpPublic(host: string, options: LookupOptions, found: Found): void {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return found(error, []);
    const refused = addresses.find((each) => !isPublicAddress(each.address));
    const [first] = addresses;
    if (refused || !first) {
      return found(new AddressRefused(`${host} leads to an address that is not public`), []);
    }
    if (options.all) return found(null, addresses);
    return found(null, first.address, first.family);
  });
}

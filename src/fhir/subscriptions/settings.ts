/** Settings of subscriptions: where they may send, how long they try, how long events are kept. */

import { setting } from '../../sdk/index.ts';

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,9}$/.test(text) || value < least || value > most) {
      throw new Error(`must be a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

function hosts(text: string): readonly string[] {
  return text.split(',').map((each) => {
    const host = each.trim().toLowerCase();
    if (!/^(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?$/.test(host)) {
      throw new Error('must be hosts, each with a port if wanted, separated by commas');
    }
    return host;
  });
}

export const SUBSCRIPTION_INSIDE_HOSTS = setting({
  name: 'SUBSCRIPTION_INSIDE_HOSTS',
  means:
    'Hosts (`host` or `host:port`, separated by commas) that subscriptions may reach by plain http ' +
    'and at private addresses; all others by https at public addresses only.',
  default: [] as readonly string[],
  defaultText: 'none',
  parse: hosts,
});

export const SUBSCRIPTION_TIMEOUT_SECONDS = setting({
  name: 'SUBSCRIPTION_TIMEOUT_SECONDS',
  means: 'Seconds within which an endpoint must have answered a notification.',
  default: 10,
  parse: whole(1, 60),
});

export const SUBSCRIPTION_GIVE_UP_HOURS = setting({
  name: 'SUBSCRIPTION_GIVE_UP_HOURS',
  means: 'Hours after which a subscription whose endpoint has failed all the time is put in error.',
  default: 24,
  parse: whole(1, 720),
});

export const SUBSCRIPTION_EVENTS_KEPT_DAYS = setting({
  name: 'SUBSCRIPTION_EVENTS_KEPT_DAYS',
  means: 'Days that events of subscriptions are kept, to be sent again or fetched.',
  default: 30,
  parse: whole(1, 3650),
});

/** Settings of this room. */
export const SUBSCRIPTION_SETTINGS = [
  SUBSCRIPTION_INSIDE_HOSTS,
  SUBSCRIPTION_TIMEOUT_SECONDS,
  SUBSCRIPTION_GIVE_UP_HOURS,
  SUBSCRIPTION_EVENTS_KEPT_DAYS,
];

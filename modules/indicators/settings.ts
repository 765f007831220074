/**
 * Settings and permissions of the room.
 */

import { permission, setting } from '../../src/sdk/index.ts';

export const READ = permission('indicators.read', 'reads indicators and their renderings');
export const CLOSE = permission('indicators.close', 'closes periods, so that figures stand');

/** Ages at which bands begin. */
export const AGE_BOUNDS = setting<readonly number[]>({
  name: 'INDICATORS_AGE_BANDS',
  means: 'Ages at which age bands begin, in years, rising from 0.',
  default: [0, 5, 18, 60],
  defaultText: '0,5,18,60',
  parse(text) {
    const bounds = text.split(',').map((each) => Number(each.trim()));
    const rising = bounds.every(
      (each, at) => Number.isInteger(each) && each <= 150 && (at === 0 || each > bounds[at - 1]!),
    );
    if (!rising || bounds[0] !== 0) throw new Error('rising whole ages from 0, like 0,5,18,60');
    return bounds;
  },
});

/** Days between the end of a month and its closing. */
export const CLOSE_AFTER_DAYS = setting<number>({
  name: 'INDICATORS_CLOSE_AFTER_DAYS',
  means: 'Days after the end of a month at which its figures are closed.',
  default: 14,
  parse(text) {
    if (!/^\d{1,3}$/.test(text)) throw new Error('a whole number of days');
    return Number(text);
  },
});

/** Time zone in which reporting periods begin and end. */
export const TIME_ZONE = setting<string>({
  name: 'INDICATORS_TIME_ZONE',
  means: 'Time zone (IANA) in which reporting periods begin and end.',
  default: 'UTC',
  parse(text) {
    try {
      return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
    } catch {
      throw new Error('an IANA time zone, like Africa/Nairobi');
    }
  },
});

/**
 * What an operator sets for this room.
 */

import { setting } from '../../src/sdk/index.ts';

export const PHONE_COUNTRY = setting<string | undefined>({
  name: 'PHONE_COUNTRY',
  means:
    'Country (ISO 3166, e.g. KE) of phone numbers written without a country code. ' +
    'Unset, they are refused in payment accounts.',
  default: undefined,
  defaultText: 'none',
  parse: (text) => {
    if (/^[A-Z]{2}$/.test(text)) return text;
    throw new Error('two capital letters, such as KE');
  },
});

/**
 * Forgets what the OpenID provider no longer needs: sessions, codes and grants whose time is over.
 */

import { type Context, handle, job } from '../sdk/index.ts';

/** Removes expired state of the OpenID provider. */
export const forgetExpired = job<Record<string, never>>(
  'house.forget-expired',
  'removes expired sessions, codes and grants of the OpenID provider',
);

/** Its handler. */
export const forgetHandler = handle(forgetExpired, async (ctx: Context) => {
  await ctx.db.run('delete from access_oidc where expires_at < clock_timestamp()');
});

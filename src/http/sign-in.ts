/**
 * The sign-in page of the embedded OpenID provider: login and password, five tries a minute for a
 * login and an address. Plain HTML without scripts.
 */

import type { Request, Response } from 'express';
import express from 'express';
import { LRUCache } from 'lru-cache';
import type Provider from 'oidc-provider';
import { loadActor } from '../access/actors.ts';
import { checkPassword } from '../access/provider.ts';
import type { App } from '../app.ts';
import { runUnitOfWork, SYSTEM } from '../database/unit-of-work.ts';

const TRIES_PER_MINUTE = 5;
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/** Routes of the sign-in page. */
export function signInRoutes(app: App, provider: () => Provider): express.Router {
  const router = express.Router();
  const tries = new LRUCache<string, number>({ max: 10_000, ttl: 60_000 });
  router.get('/access/sign-in/:uid', async (request: Request, response: Response) => {
    const details = await provider().interactionDetails(request, response);
    page(response, 200, details.uid);
  });
  router.post(
    '/access/sign-in/:uid',
    express.urlencoded({ extended: false, limit: '8kb' }),
    async (request: Request, response: Response) => {
      const details = await provider().interactionDetails(request, response);
      const { login = '', password = '' } = request.body as Record<string, string>;
      const key = `${request.ip}|${login}`;
      const count = (tries.get(key) ?? 0) + 1;
      tries.set(key, count);
      if (count > TRIES_PER_MINUTE) {
        page(response, 429, details.uid, 'Too many tries; wait a minute.');
        return;
      }
      const accountId = await checkPassword(app.pool, login, password);
      await note(app, accountId, response.locals.requestId as string);
      if (!accountId) {
        page(response, 401, details.uid, 'Login or password is wrong.');
        return;
      }
      tries.delete(key);
      // On a loopback address the provider asks each time, because any program could listen there;
      // the password just typed is the consent.
      const result = { login: { accountId }, consent: {} };
      await provider().interactionFinished(request, response, result);
    },
  );
  return router;
}

/** In the trail: who signed in; of a refusal not what was typed, which may be a password. */
async function note(app: App, accountId: string | undefined, requestId: string): Promise<void> {
  const actor = accountId && (await loadActor(app.pool, accountId));
  await runUnitOfWork(app, actor || SYSTEM, { requestId }, async (unit) => {
    if (actor) unit.audit({ action: 'E', interaction: 'sign-in', id: actor.id });
    else unit.audit({ action: 'E', interaction: 'sign-in-refused' });
  });
}

function page(response: Response, status: number, uid: string, says = ''): void {
  response
    .status(status)
    .type('html')
    .set('content-security-policy', POLICY)
    .send(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Sign in · Amana</title>
<style>body{font:16px system-ui;max-width:22rem;margin:4rem auto;padding:0 1rem}
label{display:block;margin:1rem 0 .25rem}input{width:100%;padding:.5rem;font:inherit;box-sizing:border-box}
button{margin-top:1.5rem;padding:.6rem 1.2rem;font:inherit}p{color:#a00}</style>
<h1>Amana</h1>${says ? `<p role="alert">${says}</p>` : ''}
<form method="post" action="/access/sign-in/${encodeURIComponent(uid)}">
<label for="login">Login</label><input id="login" name="login" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button></form></html>`);
}

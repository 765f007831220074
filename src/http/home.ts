/**
 * The page at `/`: says what runs here and lets a person sign in (authorization code with PKCE) and
 * see the token, for use with any FHIR client. The operators' console takes this place later.
 */

import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { CONSOLE_CLIENT } from '../access/provider.ts';

const SCRIPT = `
const out = document.getElementById('out');
const b64 = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/[+]/g,'-').replace(/[/]/g,'_').replace(/=+$/,'');
const home = location.origin + '/';
document.getElementById('sign-in').onclick = async () => {
  // The provider knows this page by the server's own URL only; another name for it starts there.
  if (location.origin !== out.dataset.origin) return location.assign(out.dataset.origin + '/');
  const verifier = b64(crypto.getRandomValues(new Uint8Array(32)));
  const state = b64(crypto.getRandomValues(new Uint8Array(16)));
  sessionStorage.setItem('pkce', JSON.stringify({ verifier, state }));
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  location.href = '/oidc/authorize?' + new URLSearchParams({ client_id: '${CONSOLE_CLIENT}',
    response_type: 'code', scope: 'openid', redirect_uri: home, state,
    code_challenge: b64(new Uint8Array(hash)), code_challenge_method: 'S256' });
};
const answer = new URLSearchParams(location.search);
const kept = JSON.parse(sessionStorage.getItem('pkce') ?? '{}');
if (answer.get('code') && answer.get('state') === kept.state) {
  history.replaceState(null, '', '/');
  sessionStorage.removeItem('pkce');
  fetch('/oidc/token', { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code',
    client_id: '${CONSOLE_CLIENT}', code: answer.get('code'), redirect_uri: home, code_verifier: kept.verifier }) })
    .then((r) => r.json()).then((r) => { out.textContent = r.access_token ?? r.error_description; });
}`;

/** The page runs its own script, known by its hash, and nothing else. */
const POLICY = [
  "default-src 'none'",
  `script-src 'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'`,
  "style-src 'unsafe-inline'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** `GET /` */
export function home(origin: () => string) {
  return (_request: Request, response: Response): void => page(response, origin());
}

function page(response: Response, origin: string): void {
  response
    .type('html')
    .set('content-security-policy', POLICY)
    .send(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Amana</title>
<style>body{font:16px system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f4;padding:1rem}
button{padding:.6rem 1.2rem;font:inherit}</style>
<h1>Amana</h1><p>A FHIR-native social-protection server.</p>
<ul><li><a href="/fhir/R4/metadata">CapabilityStatement</a> of the FHIR base <code>/fhir/R4</code></li>
<li><a href="/.well-known/openid-configuration">OpenID configuration</a></li>
<li><a href="/health/ready">Health</a></li></ul>
<p><button id="sign-in">Sign in</button></p><p>Access token, valid for an hour:</p>
<pre id="out" data-origin="${new URL(origin).origin}">–</pre><script>${SCRIPT}</script></html>`);
}

/**
 * Passwords and client secrets: kept as scrypt hashes, compared in constant time.
 *
 * Source: RFC 7914; cost N=2^15, r=8, p=1 (OWASP Password Storage, 32 MiB).
 */

import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

const COST: ScryptOptions = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const KEY_BYTES = 32;

function derive(secret: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret.normalize('NFKC'), salt, KEY_BYTES, cost, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** Hashes a secret: `scrypt$N$salt$key`. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(secret, salt, COST);
  return `scrypt$${COST.N}$${salt.toString('base64url')}$${key.toString('base64url')}`;
}

/** True when the secret is that of the hash. */
export async function isSecret(secret: string, hash: string): Promise<boolean> {
  const [name, cost, salt = '', key = ''] = hash.split('$');
  if (name !== 'scrypt') return false;
  const wanted = Buffer.from(key, 'base64url');
  const found = await derive(secret, Buffer.from(salt, 'base64url'), { ...COST, N: Number(cost) });
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

/** A random secret that people can type: 24 letters and digits without look-alikes. */
export function randomSecret(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  return Array.from(randomBytes(24), (byte) => letters[byte % letters.length]).join('');
}

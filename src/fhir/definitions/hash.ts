/**
 * The hashes of the search index: parameter keys (int4) and token hashes (int8).
 *
 * They stand in stored rows, so they must never change: HalfSipHash-2-4 with a 64-bit result and
 * a fixed public key, over UTF-16 code units. It needs 32-bit arithmetic only, which JavaScript
 * does natively. A hash of 64 bits finds; whoever must be sure that a match is the same
 * identifier (and not a forged twin) compares the text of the resource.
 *
 * Spec: https://www.aumasson.jp/siphash/siphash.pdf (HalfSipHash in the reference code)
 */

const KEY_0 = 0x616d616e; // "aman"
const KEY_1 = 0x61763100; // "av1\0"

const words = new Uint32Array(2);
const signed = new BigInt64Array(words.buffer);
const [LOW, HIGH] = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? [0, 1] : [1, 0];

let v0 = 0;
let v1 = 0;
let v2 = 0;
let v3 = 0;

function start(): void {
  v0 = KEY_0;
  v1 = KEY_1 ^ 0xee;
  v2 = 0x6c796765 ^ KEY_0;
  v3 = 0x74656462 ^ KEY_1;
}

function round(): void {
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
}

function word(value: number): void {
  v3 ^= value;
  round();
  round();
  v0 ^= value;
}

/** Adds a text and its length, so that ("a", "bc") and ("ab", "c") differ. */
function text(value: string): void {
  const length = value.length;
  let at = 0;
  for (; at + 1 < length; at += 2) word((value.charCodeAt(at) << 16) | value.charCodeAt(at + 1));
  if (at < length) word(value.charCodeAt(at));
  word(length);
}

function finish(): void {
  v2 ^= 0xee;
  round();
  round();
  round();
  round();
  words[LOW] = v1 ^ v3;
  v1 ^= 0xdd;
  round();
  round();
  round();
  round();
  words[HIGH] = v1 ^ v3;
}

/** 64-bit hash of one text, as PostgreSQL bigint. */
export function hash64(value: string): bigint {
  start();
  text(value);
  finish();
  return signed[0]!;
}

/** 32-bit hash of one text, as PostgreSQL int4; never 0, which stands for "none". */
export function hash32(value: string): number {
  start();
  text(value);
  finish();
  return words[LOW]! | 0 || 1;
}

/**
 * The int4 key of a search parameter. Modifiers that have rows of their own are part of the code:
 * `name`, `code:text`, `subject:identifier`, `identifier:of-type`, `url:below`.
 */
export function paramKey(type: string, code: string): number {
  return hash32(`${type}.${code}`);
}

/**
 * The key of texts: its lowest two bits are the column of `str` in which they stand. Texts without
 * a place beside others have the first.
 */
export function textKey(type: string, code: string, column: 0 | 1 | 2 | 3 = 0): number {
  return (paramKey(type, code) & ~3) | column;
}

/** Variants of a token; each is a hash of its own. */
const PRESENCE = 1;
const CODE = 2;
const SYSTEM_CODE = 3;
const BARE_CODE = 4;
const SYSTEM = 5;
const VALUE = 6;

function token(param: number, variant: number, system: string, code: string): bigint {
  start();
  word(param);
  word(variant);
  text(system);
  text(code);
  finish();
  return signed[0]!;
}

/** In `tk`: the parameter has a value (serves `:missing`). */
export function presenceHash(param: number): bigint {
  return token(param, PRESENCE, '', '');
}

/** In `tk`: `code`, whatever the system. */
export function codeHash(param: number, code: string): bigint {
  return token(param, CODE, '', code);
}

/** In `tk`: `system|code`. */
export function systemCodeHash(param: number, system: string, code: string): bigint {
  return token(param, SYSTEM_CODE, system, code);
}

/** In `tk`: `|code`, a code without system. */
export function bareCodeHash(param: number, code: string): bigint {
  return token(param, BARE_CODE, '', code);
}

/** In `tk`: `system|`, any code of a system; of tokens kept in `tok` as well. */
export function systemHash(param: number, system: string): bigint {
  return token(param, SYSTEM, system, '');
}

/** In `tok`: the value; the row's `system` column tells `system|value` and `|value` apart. */
export function valueHash(param: number, value: string): bigint {
  return token(param, VALUE, '', value);
}

/** In `tok.system`: int4 of a system; 0 for none. */
export function systemKey(system: string | undefined): number {
  return system ? hash32(system) : 0;
}

/**
 * In `tok.kind`: int2 of the type of an identifier, never 0, which stands for "none". Two types may
 * share one; it is compared only among rows of one value, and so tells apart what a search for
 * `:of-type` may meet there.
 */
export function kindKey(system: string, code: string): number {
  return (hash32(`${system}|${code}`) << 16) >> 16 || 1;
}

/**
 * The value of an `:of-type=system|code|value` search, to be hashed with `valueHash` under the
 * key of `<code>:of-type`.
 */
export function ofTypeValue(system: string, code: string, value: string): string {
  return `${system}|${code}|${value}`;
}

/** The unit of a number row; `system` empty means "unit or code, whatever the system". */
export function unitHash(system: string, code: string): bigint {
  return hash64(`${system}|${code}`);
}

/** Longer texts are no codes; they are not remembered. */
const KEPT_LENGTH = 200;

/**
 * A function of texts that remembers what it said of the first so many: codes and systems repeat,
 * and a look-up is cheaper than a hash.
 */
export function kept<Value>(max: number, make: (text: string) => Value): (text: string) => Value {
  const known = new Map<string, Value>();
  return (of) => {
    let value = known.get(of);
    if (value === undefined) {
      value = make(of);
      if (known.size < max && of.length < KEPT_LENGTH) known.set(of, value);
    }
    return value;
  };
}

/**
 * Arrays of numbers in memory that threads share, wherever they stand in a value.
 */

type Numbers = Int32Array | Uint16Array | Uint8Array;

const isNumbers = (value: unknown): value is Numbers =>
  value instanceof Int32Array || value instanceof Uint16Array || value instanceof Uint8Array;

function copied(of: Numbers): Numbers {
  if (of.buffer instanceof SharedArrayBuffer) return of;
  const buffer = new SharedArrayBuffer(Math.max(of.BYTES_PER_ELEMENT, of.byteLength));
  const make = of.constructor as new (buffer: SharedArrayBuffer, from: 0, size: number) => Numbers;
  const shared = new make(buffer, 0, of.length);
  shared.set(of);
  return shared;
}

/** Room for whole numbers in memory that threads share. */
export const sharedInts = (size: number): Int32Array =>
  new Int32Array(new SharedArrayBuffer(Math.max(1, size) * 4), 0, size);

/** The same for bytes. */
export const sharedBytes = (size: number): Uint8Array =>
  new Uint8Array(new SharedArrayBuffer(Math.max(1, size)), 0, size);

/** The same value with its arrays of numbers in shared memory; an array that stands twice, once. */
export function shared<Value>(value: Value): Value {
  const known = new Map<object, unknown>();
  const share = (each: unknown): unknown => {
    if (typeof each !== 'object' || each === null || each instanceof Map) return each;
    if (known.has(each)) return known.get(each);
    const made = isNumbers(each)
      ? copied(each)
      : Array.isArray(each)
        ? each.map(share)
        : Object.fromEntries(Object.entries(each).map(([name, part]) => [name, share(part)]));
    known.set(each, made);
    return made;
  };
  return share(value) as Value;
}

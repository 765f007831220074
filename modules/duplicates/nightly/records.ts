/**
 * Reads records from the bytes of COPY and adds them to a registry, one by one: none is kept.
 *
 * The bytes are those of one or several COPYs behind each other, in the binary form, cut anywhere.
 * Spec: https://www.postgresql.org/docs/17/sql-copy.html ("Binary Format")
 */

import { type Registry, RegistryBuilder } from '../matching/registry.ts';
import { FactsReader } from './facts.ts';

/** Signature, flags and the length of an extension, which nobody has. */
const HEADER = 19;
const FIELDS = 4;
const LAST = -1;
const TWO_32 = 2 ** 32;
/** The first bytes of a header: no row has so many fields. */
const SIGNED = Buffer.from('PG').readInt16BE();

/** Records under way. */
export class RecordReader {
  #builder = new RegistryBuilder();
  #facts = new FactsReader(this.#builder);
  #ids = new Float64Array(1024);
  #size = 0;
  #rest: Buffer = Buffer.alloc(0);

  /** Internal ids of the records, in the order in which they came. */
  get ids(): Float64Array {
    return this.#ids.subarray(0, this.#size);
  }

  /** Takes the next bytes. */
  take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const next = this.#record(bytes, at);
      if (next === at) break;
      at = next;
    }
    this.#rest = bytes.subarray(at);
  }

  /** The registry of all records; nothing is kept of what it was made from. */
  registry(): Registry {
    const registry = this.#builder.build();
    this.#builder = new RegistryBuilder();
    this.#facts = new FactsReader(this.#builder);
    return registry;
  }

  /** @throws Error when the bytes ended in the middle of a record */
  end(): void {
    if (this.#rest.length > 0) throw new Error('records ended too early');
  }

  /** Reads what begins at a place, if all of it is there; answers where the next begins. */
  #record(bytes: Buffer, at: number): number {
    if (at + 2 > bytes.length) return at;
    const fields = bytes.readInt16BE(at);
    if (fields === SIGNED) return at + HEADER <= bytes.length ? at + HEADER : at;
    if (fields === LAST) return at + 2;
    if (fields !== FIELDS) throw new Error(`a record of ${fields} fields`);
    let end = at + 2;
    for (let field = 0; field < FIELDS; field++) {
      if (end + 4 > bytes.length) return at;
      end += 4 + Math.max(0, bytes.readInt32BE(end));
    }
    if (end > bytes.length) return at;
    this.#add(bytes, at + 2);
    return end;
  }

  #add(bytes: Buffer, from: number): void {
    if (this.#size === this.#ids.length) {
      const more = new Float64Array(this.#size * 2);
      more.set(this.#ids);
      this.#ids = more;
    }
    this.#ids[this.#size++] = numberAt(bytes, from + 4);
    const household = from + 12;
    const hasHousehold = bytes.readInt32BE(household) === 8;
    const area = household + (hasHousehold ? 12 : 4);
    const areaSize = Math.max(0, bytes.readInt32BE(area));
    this.#facts.read(bytes, area + 4 + areaSize + 4, {
      household: hasHousehold ? numberAt(bytes, household + 4) : 0,
      area: area + 4,
      areaEnd: area + 4 + areaSize,
    });
  }
}

/** An int8 that is an internal id: far below 2^53. */
const numberAt = (bytes: Buffer, at: number): number =>
  bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4);

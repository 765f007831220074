/**
 * Rows in the binary form of COPY, written into one buffer that grows: half the work of the text
 * form on either side, above all for arrays of int8.
 *
 * Only the types that the tables of resources have. A row that has fewer or more fields than it
 * said is refused by PostgreSQL, with the whole COPY.
 *
 * Spec: https://www.postgresql.org/docs/17/sql-copy.html ("Binary Format")
 */

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
/** Type of the elements of an int8[]. */
const INT8_OID = 20;
/** Milliseconds from 1970 to 2000, where PostgreSQL's time begins. */
const EPOCH_MS = 946_684_800_000;
/** What stands for ±infinity. */
const FIRST = -(2n ** 63n);
const LAST = 2n ** 63n - 1n;
const FIRST_BYTES = 256 * 1024;

/** Rows on their way to COPY. */
export class BinaryRows {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
  #at = 0;
  #rows = 0;

  constructor() {
    this.#at = SIGNATURE.copy(this.#bytes);
  }

  /** Rows begun so far. */
  get count(): number {
    return this.#rows;
  }

  /** Begins a row of so many fields. */
  row(fields: number): this {
    this.#need(2);
    this.#view.setInt16(this.#at, fields);
    this.#at += 2;
    this.#rows += 1;
    return this;
  }

  int2(value: number): this {
    this.#sized(2);
    this.#view.setInt16(this.#at, value);
    this.#at += 2;
    return this;
  }

  int4(value: number): this {
    this.#sized(4);
    this.#view.setInt32(this.#at, value);
    this.#at += 4;
    return this;
  }

  int8(value: bigint): this {
    this.#sized(8);
    this.#view.setBigInt64(this.#at, value);
    this.#at += 8;
    return this;
  }

  /** An int8[]. */
  int8s(values: readonly bigint[]): this {
    const dimensions = values.length > 0 ? 1 : 0;
    this.#sized(12 + dimensions * 8 + values.length * 12);
    this.#plain(dimensions);
    this.#plain(0);
    this.#plain(INT8_OID);
    if (dimensions === 0) return this;
    this.#plain(values.length);
    this.#plain(1);
    for (const value of values) {
      this.#plain(8);
      this.#view.setBigInt64(this.#at, value);
      this.#at += 8;
    }
    return this;
  }

  /** A timestamptz, to the millisecond. */
  instant(value: Date): this {
    return this.int8(BigInt(value.getTime() - EPOCH_MS) * 1000n);
  }

  /** A timestamptz written as ISO in UTC, to the microsecond, or as `infinity` or `-infinity`. */
  time(value: string): this {
    if (value === 'infinity') return this.int8(LAST);
    return this.int8(value === '-infinity' ? FIRST : microsOf(value));
  }

  /** A uuid in its usual form. */
  uuid(value: string): this {
    this.#sized(16);
    this.#at += this.#bytes.write(value.replaceAll('-', ''), this.#at, 'hex');
    return this;
  }

  /** A text, or NULL. */
  text(value: string | null): this {
    if (value === null) {
      this.#need(4);
      this.#plain(-1);
      return this;
    }
    // No character takes more than three bytes of UTF-8 for one of UTF-16.
    this.#need(4 + value.length * 3);
    const size = this.#bytes.write(value, this.#at + 4, 'utf8');
    this.#plain(size);
    this.#at += size;
    return this;
  }

  /** What has been added since the last time; more may follow. */
  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#at);
    this.#begin(FIRST_BYTES);
    return bytes;
  }

  /** All that has not been taken; nothing can be added afterwards. */
  end(): Buffer {
    this.#need(2);
    this.#view.setInt16(this.#at, -1);
    this.#at += 2;
    return this.#bytes.subarray(0, this.#at);
  }

  #sized(size: number): void {
    this.#need(4 + size);
    this.#plain(size);
  }

  #plain(value: number): void {
    this.#view.setInt32(this.#at, value);
    this.#at += 4;
  }

  #need(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const before = this.#bytes.subarray(0, this.#at);
    this.#begin(Math.max(this.#bytes.length * 2, this.#at + size));
    this.#at = before.copy(this.#bytes);
  }

  #begin(size: number): void {
    this.#bytes = Buffer.allocUnsafe(size);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, size);
    this.#at = 0;
  }
}

const ISO = /^(\d{4,6})(-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/;

/** Microseconds from 2000 of an instant as `dates.ts` writes them, which may lie after 9999. */
function microsOf(value: string): bigint {
  const parts = ISO.exec(value);
  if (!parts) throw new RangeError(`${value} is no instant in UTC`);
  const [, year, rest, fraction = ''] = parts;
  const date = year!.length === 4 ? year! : `+${year!.padStart(6, '0')}`;
  const seconds = Date.parse(`${date}${rest}Z`) - EPOCH_MS;
  return BigInt(seconds) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

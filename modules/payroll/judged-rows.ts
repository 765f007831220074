/**
 * Takes apart what PostgreSQL has judged, row by row as COPY sends it, into lines and exclusions as
 * COPY takes them in, and gives each its id. Nothing of a row is decoded but where its fields end, so
 * that a million of them cost this process a second.
 *
 * A row begins with the reason of an exclusion (null: it is a line) and the number of the criterion;
 * six fields follow that both have, and then, the amount first, what only a line has.
 *
 * Spec: https://www.postgresql.org/docs/current/sql-copy.html (binary format)
 */

/** What a file of COPY begins with: signature, flags, and an empty extension. */
export const COPY_BEGIN = Buffer.concat([
  Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
  Buffer.alloc(8),
]);

/** What it ends with. */
export const COPY_END = Buffer.from([0xff, 0xff]);

/** Rows as COPY takes them, without beginning and end. */
export interface Rows {
  readonly bytes: Buffer;
  readonly count: number;
}

/** What one piece of the stream held. */
export interface Judged {
  readonly lines: Rows;
  readonly excluded: Rows;
  /** Sum of the amounts of the lines. */
  readonly minor: bigint;
}

/** Fields of a row, of which the first two are of exclusions, and those up to the eighth of both. */
const FIELDS = 19;
const EXCLUSION_ONLY = 2;
const EXCLUSION_LAST = 8;

const EMPTY = Buffer.alloc(0);

/** Length and bytes of a UUID. */
const ID_BYTES = 20;

/** Where the parts of a row end. */
interface Place {
  /** Of what only an exclusion has. */
  own: number;
  /** Of what both have. */
  both: number;
  end: number;
}

/**
 * Lines and exclusions of a stream, a piece at a time. Ids are the payroll's with its last 48 bits
 * replaced by a running number.
 *
 * @throws Error when the stream ends before its end mark, or its rows are not such rows
 */
export async function* judgedRows(
  chunks: AsyncIterable<Buffer>,
  payrollId: string,
): AsyncGenerator<Judged> {
  const id = Buffer.from(payrollId.replaceAll('-', ''), 'hex');
  let rest: Buffer = Buffer.alloc(0);
  let [number, begun, ended] = [0, false, false];
  for await (const chunk of chunks) {
    let bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!begun) {
      if (bytes.length < COPY_BEGIN.length) {
        rest = bytes;
        continue;
      }
      if (!bytes.subarray(0, 11).equals(COPY_BEGIN.subarray(0, 11))) throw notSuch();
      bytes = bytes.subarray(COPY_BEGIN.length);
      begun = true;
    }
    const piece = new Piece(bytes, id, number);
    const read = piece.read();
    number += piece.lines + piece.excluded;
    ended ||= bytes.length - read === 2 && bytes.readInt16BE(read) === -1;
    rest = ended ? Buffer.alloc(0) : bytes.subarray(read);
    if (piece.lines + piece.excluded > 0) yield piece.judged();
  }
  if (!ended) throw new Error('the rows of a payroll ended too early');
}

function notSuch(): Error {
  return new Error('the rows of a payroll are not such as were asked for');
}

/** One piece of the stream while it is taken apart. */
class Piece {
  lines = 0;
  excluded = 0;
  readonly #bytes: Buffer;
  readonly #id: Buffer;
  readonly #most: number;
  readonly #out: [lines: Buffer, excluded: Buffer];
  readonly #at: [lines: number, excluded: number] = [0, 0];
  #number: number;
  #high = 0;
  #low = 0;

  constructor(bytes: Buffer, id: Buffer, number: number) {
    // The shortest row has only the lengths of its fields; each grows by its id.
    const most = Math.ceil(bytes.length * (1 + ID_BYTES / (FIELDS * 4))) + ID_BYTES;
    this.#bytes = bytes;
    this.#most = most;
    this.#id = id;
    this.#number = number;
    this.#out = [Buffer.allocUnsafe(most), EMPTY];
  }

  /** Takes apart all whole rows; answers where the first one that is not begins. */
  read(): number {
    const place = { own: 0, both: 0, end: 0 };
    let at = 0;
    while (at + 2 <= this.#bytes.length && this.#bytes.readInt16BE(at) !== -1) {
      if (this.#bytes.readInt16BE(at) !== FIELDS) throw notSuch();
      if (!this.#find(at, place)) break;
      this.#take(at, place);
      at = place.end;
    }
    return at;
  }

  judged(): Judged {
    const lines = this.#out[0].subarray(0, this.#at[0]);
    // Exclusions are held back: by themselves, not with the whole piece that they stood in.
    const excluded = Buffer.from(this.#out[1].subarray(0, this.#at[1]));
    return {
      lines: { bytes: lines, count: this.lines },
      excluded: { bytes: excluded, count: this.excluded },
      minor: BigInt(this.#high) * 2n ** 32n + BigInt(this.#low),
    };
  }

  /** Finds where the parts of a row end; false where it is not whole. */
  #find(at: number, place: Place): boolean {
    const bytes = this.#bytes;
    let end = at + 2;
    for (let field = 1; field <= FIELDS; field += 1) {
      if (end + 4 > bytes.length) return false;
      end += 4 + Math.max(0, bytes.readInt32BE(end));
      if (field === EXCLUSION_ONLY) place.own = end;
      else if (field === EXCLUSION_LAST) place.both = end;
    }
    place.end = end;
    return end <= bytes.length;
  }

  /** A piece without exclusions, as most are, needs no memory for them. */
  #forExcluded(): Buffer {
    if (this.#out[1] === EMPTY) this.#out[1] = Buffer.allocUnsafe(this.#most);
    return this.#out[1];
  }

  #take(at: number, { own, both, end }: Place): void {
    const bytes = this.#bytes;
    const isLine = bytes.readInt32BE(at + 2) === -1;
    const [from, to] = isLine ? [own, end] : [at + 2, both];
    const of = isLine ? 0 : 1;
    const out = isLine ? this.#out[0] : this.#forExcluded();
    let place = out.writeInt16BE(
      isLine ? FIELDS - EXCLUSION_ONLY + 1 : EXCLUSION_LAST + 1,
      this.#at[of],
    );
    place += bytes.copy(out, place, from, to);
    this.#number += 1;
    place = out.writeInt32BE(this.#id.length, place);
    this.#id.copy(out, place);
    out.writeUIntBE(this.#number, place + 10, 6);
    this.#at[of] = place + this.#id.length;
    if (!isLine) {
      this.excluded += 1;
      return;
    }
    this.lines += 1;
    this.#high += bytes.readInt32BE(both + 4);
    this.#low += bytes.readUInt32BE(both + 8);
  }
}

/**
 * An id as the trail keeps it, in hexadecimal digits: the same as `audit_key` in SQL, which costs
 * PostgreSQL more than writing the row.
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Of a UUID its bytes behind a zero, which no text holds; of any other id its UTF-8. */
export function trailKey(id: string): string {
  // `$` is the end of the text here, while a line break may follow it in other languages.
  return UUID.test(id) ? `00${id.replaceAll('-', '')}` : Buffer.from(id).toString('hex');
}

/** The same, as PostgreSQL reads a `bytea`. */
export function trailBytes(id: string): string {
  return `\\x${trailKey(id)}`;
}

/**
 * A list of ids as PostgreSQL reads a `bytea[]`; NULL where there is none. Made at once: the general
 * way escapes each, which takes twice as long.
 */
export function trailList(ids: readonly (string | undefined)[]): string {
  let text = '{';
  for (const [at, id] of ids.entries()) {
    if (at > 0) text += ',';
    text += id === undefined ? 'NULL' : `"\\\\x${trailKey(id)}"`;
  }
  return `${text}}`;
}

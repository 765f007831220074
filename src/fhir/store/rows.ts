/**
 * The statements that write a batch of resources: rows, history and index in one round trip each
 * for creations and for changes. Index rows are never looked up by resource: those to remove are
 * computed from the version that is replaced, and only the difference is written.
 *
 * A statement names only the tables that it has rows for: starting and ending an INSERT that has
 * none costs PostgreSQL as much as a row. Each combination is prepared once. One resource has
 * statements of its own, which name its table, so that PostgreSQL opens one partition instead of all,
 * and join nothing: that halves what a change costs there.
 */

import { type Statement, statement } from '../../sdk/index.ts';
import { RESOURCE_TYPES } from '../definitions/resource-types.ts';
import { partitionOf } from '../search/partitions.ts';
import type { RowChange } from './row-change.ts';
import {
  additions,
  LETTERS,
  MANY,
  type Owner,
  PAIR_TYPES,
  type Part,
  rareAdditions,
  removals,
  turns,
} from './row-parts.ts';

/** A statement with its values. */
interface Bound {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

const prepared = new Map<string, Statement>();

/** How a statement begins and ends; `$1` and on are the values of its head. */
interface Frame {
  readonly kind: string;
  readonly head: string;
  readonly owner: Owner;
  readonly end: string;
}

/** Puts head, parts and end together. */
function bound(
  { kind, head, owner, end }: Frame,
  values: readonly unknown[],
  parts: readonly (Part | undefined)[],
): Bound {
  const present = parts.flatMap((each) => (each ? placed(each, owner) : []));
  const name = `${kind}${present.map((each) => each.name).join('')}`;
  let found = prepared.get(name);
  if (!found) {
    let next = values.length;
    const clauses = present.map(({ part, from }) => {
      const rows = from.replaceAll('?', () => `$${++next}`);
      return `,\n   "${part.name}" as (${part.sql(rows, owner === MANY ? part.owner : owner)})`;
    });
    found = statement(name, `${head}${clauses.join('')}\n   ${end}`);
    prepared.set(name, found);
  }
  return { statement: found, values: [...values, ...present.flatMap((each) => each.values)] };
}

/** A part with its rows as a clause of FROM, and what that is sent for each question mark. */
interface Placed {
  readonly part: Part;
  readonly name: string;
  readonly from: string;
  readonly values: readonly unknown[];
}

function placed(part: Part, owner: Owner): Placed {
  const { name } = part;
  if (part.types[0] === 'json') {
    const from = `json_to_recordset(?::json) x(o bigint, param int, ${PAIR_TYPES})`;
    return { part, name, from, values: part.columns[0]! };
  }
  // Of one resource, rows need not say which they are of.
  const first = owner === MANY ? 0 : 1;
  const [types, columns] = [part.types.slice(first), part.columns.slice(first)];
  const letters = LETTERS.slice(first, first + types.length).join(', ');
  if (owner === MANY || columns[0]!.length > 1) {
    const from = `unnest(${types.map((type) => `?::${type}[]`).join(', ')}) x(${letters})`;
    return { part, name, from, values: columns };
  }
  // Reading a row out of lists costs PostgreSQL as much as writing it.
  const from = `(select ${types.map((type) => `?::${type}`).join(', ')}) x(${letters})`;
  return { part, name: name.toUpperCase(), from, values: columns.map(([only]) => only) };
}

const INSERT_HEAD = `with m as materialized (
     select x.*, nextval('resource_rid') * 64 + x.bucket as rid
     from unnest($2::smallint[], $3::smallint[], $4::uuid[], $5::int[], $6::text[], $7::text[])
       with ordinality as x(type, bucket, id, ver, tk, content, o)),
   r as (insert into resource (lu, rid, id, ver, type, bucket, tk, content)
     select $1, rid, id, ver, type, bucket, tk::bigint[], content from m)`;
const INSERT: Frame = {
  kind: 'fhir.insert',
  head: INSERT_HEAD,
  owner: MANY,
  end: 'select rid from m order by o',
};

/** The frame of one resource. */
function insertOne(table: string): Frame {
  const head = `with m as materialized (select nextval('resource_rid') * 64 + $2::smallint as rid),
   r as (insert into ${table} (lu, rid, id, ver, type, bucket, tk, content)
     select $1, rid, $4::uuid, $5::int, $3::smallint, $2::smallint, $6::bigint[], $7::text from m)`;
  const owner = {
    rid: 'm.rid',
    bucket: '$2::smallint',
    type: '$3::smallint',
    joined: ', m',
  };
  return { kind: `fhir.insert-${table.slice(9)}`, head, owner, end: 'select rid from m' };
}

/** The table that holds a type, by its number. */
function tableOf(type: number): string {
  return partitionOf(RESOURCE_TYPES[type - 1]!).table;
}

/** Inserts new resources; answers their `rid` in the order of the changes. */
export function insertRows(lu: Date, changes: readonly RowChange[]): Bound {
  if (changes.length === 1) {
    const { type, bucket, key, version, tk, content } = changes[0]!;
    const values = [lu, bucket, type, key, version, `{${tk.join(',')}}`, content];
    return bound(insertOne(tableOf(type)), values, additions(changes));
  }
  const values = [
    lu,
    changes.map((each) => each.type),
    changes.map((each) => each.bucket),
    changes.map((each) => each.key),
    changes.map((each) => each.version),
    changes.map((each) => `{${each.tk.join(',')}}`),
    changes.map((each) => each.content),
  ];
  return bound(INSERT, values, additions(changes));
}

const INDEX_HEAD = `with m as (
     select * from unnest($1::bigint[], $2::smallint[]) with ordinality as m(rid, bucket, o))`;
const INDEX: Frame = { kind: 'fhir.index', head: INDEX_HEAD, owner: MANY, end: 'select 1' };

/**
 * Index rows of numbers and composites of resources that have just been copied in; undefined when
 * there are none.
 */
export function insertIndexRows(
  changes: readonly RowChange[],
  rids: readonly bigint[],
): Bound | undefined {
  const parts = rareAdditions(changes);
  if (parts.every((each) => each === undefined)) return undefined;
  const values = [rids, changes.map((each) => each.bucket)];
  return bound(INDEX, values, parts);
}

const UPDATE_HEAD = `with m as materialized (
     select * from unnest($2::smallint[], $3::smallint[], $4::bigint[], $5::int[], $6::boolean[],
       $7::text[], $8::text[])
       with ordinality as m(type, bucket, rid, ver, deleted, tk, content, o)),
   r as (update resource r set lu = $1, ver = m.ver, deleted = m.deleted, tk = m.tk::bigint[],
       content = m.content
     from m where r.rid = m.rid and r.bucket = m.bucket and r.type = m.type)`;
const UPDATE: Frame = { kind: 'fhir.update', head: UPDATE_HEAD, owner: MANY, end: 'select 1' };

/** The frame of one resource. */
function updateOne(table: string): Frame {
  const head = `with r as (update ${table} set lu = $1, ver = $5::int, deleted = $6::boolean,
       tk = $7::bigint[], content = $8::text
     where rid = $2::bigint and bucket = $3::smallint and type = $4::smallint)`;
  const owner = {
    rid: '$2::bigint',
    bucket: '$3::smallint',
    type: '$4::smallint',
    joined: '',
  };
  return { kind: `fhir.update-${table.slice(9)}`, head, owner, end: 'select 1' };
}

/** Replaces resources, with what stood before in the history. */
export function updateRows(lu: Date, changes: readonly RowChange[]): Bound {
  const parts = [...removals(changes), ...turns(changes), ...additions(changes)];
  if (changes.length === 1) {
    const { type, rid, bucket, version, deleted, tk, content } = changes[0]!;
    const values = [lu, rid, bucket, type, version, deleted, `{${tk.join(',')}}`, content];
    return bound(updateOne(tableOf(type)), values, parts);
  }
  const values = [
    lu,
    changes.map((each) => each.type),
    changes.map((each) => each.bucket),
    changes.map((each) => each.rid),
    changes.map((each) => each.version),
    changes.map((each) => each.deleted),
    changes.map((each) => `{${each.tk.join(',')}}`),
    changes.map((each) => each.content),
  ];
  return bound(UPDATE, values, parts);
}

/**
 * Single demands of profiles, each a check of its own: least and greatest values, the parts of an
 * extension, the order of slices.
 *
 * Leaves to `profile-check.ts` where they are asked.
 *
 * Spec: https://hl7.org/fhir/R4/elementdefinition.html
 */

import { isNumber } from '../formats/json.ts';
import type { ValueCheck } from './checks.ts';
import { isObject, type Json, type Run, shown } from './run.ts';
import type { Bound, ElementNode, Slicing } from './schema.ts';
import { comparison } from './values.ts';

/**
 * The check of a least or greatest value: numbers, dates and times, quantities of the same unit.
 * What cannot be compared passes, also a date against an age: nothing here has a clock.
 */
export function boundCheck({ end, value: limit }: Bound): ValueCheck {
  return (value, run) => {
    const order = comparable(value, limit) ? comparison(value, limit) : undefined;
    if (order === undefined || order === 0 || order < 0 === (end === 'greatest')) return;
    const most = end === 'greatest' ? 'at most' : 'at least';
    run.error(
      'value',
      'out-of-range',
      `This is ${shown(plainOf(value))}, but must be ${most} ${shown(plainOf(limit))}.`,
    );
  };
}

function comparable(value: unknown, limit: unknown): boolean {
  if (isNumber(value)) return isNumber(limit);
  if (isObject(value)) return isObject(limit) && value.code === limit.code;
  return typeof value === typeof limit;
}

function plainOf(value: unknown): unknown {
  return isObject(value) ? `${value.value ?? ''} ${value.unit ?? value.code ?? ''}`.trim() : value;
}

/** The check that an extension has no parts but those that its definition names. */
export function partsCheck(root: ElementNode): ((value: Json, run: Run) => void) | undefined {
  const parts = root.children.find((child) => child.name === 'extension');
  const urls = (parts?.slices ?? []).map((slice) => {
    const url = slice.children.find((child) => child.name === 'url')?.wanted?.value;
    return typeof url === 'string' ? url : undefined;
  });
  if (urls.length === 0 || urls.includes(undefined)) return undefined;
  const known = new Set(urls);
  return ({ extension }, run) => {
    if (!Array.isArray(extension)) return;
    for (const [index, part] of extension.entries()) {
      const url: unknown = isObject(part) ? part.url : undefined;
      // an absolute url is an extension in its own right
      if (typeof url !== 'string' || url.includes(':') || known.has(url)) continue;
      run.push('extension');
      run.indexes[run.depth - 1] = index;
      run.error(
        'extension',
        'unknown-extension-part',
        `The extension has no part ${shown(url)}; its parts are ${[...known].join(', ')}.`,
        'url',
      );
      run.pop();
    }
  };
}

/** Where a value of a sliced element stands: the place of its slice, -1 for none. */
export interface Placed {
  readonly place: number;
  readonly index: number;
}

/** Reports slices out of order, and what stands before the end though it may stand only there. */
export function checkOrder(slicing: Slicing, placed: readonly Placed[], run: Run): void {
  let last = -1;
  let open = -1;
  for (const { place, index } of placed) {
    run.indexes[run.depth - 1] = index;
    if (place < 0) {
      open = index;
    } else {
      if (slicing.rules === 'openAtEnd' && open >= 0) outOfOrder(run, 'after all named ones', open);
      if (slicing.ordered && place < last) outOfOrder(run, 'in the order of the profile', index);
      last = Math.max(last, place);
      open = -1;
    }
  }
  run.indexes[run.depth - 1] = -1;
}

function outOfOrder(run: Run, where: string, index: number): void {
  run.indexes[run.depth - 1] = index;
  run.error('structure', 'slice-order', `This must stand ${where}. Move it.`);
}

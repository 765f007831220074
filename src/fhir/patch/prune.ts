/**
 * What a removal leaves behind: FHIR has no empty lists and no empty objects, so a list that loses
 * its last item goes with it, and so does the object around it. Only what a removal has emptied
 * goes; what a caller sends empty stays, for validation to refuse.
 *
 * Spec: https://hl7.org/fhir/R4/json.html ("objects are never empty")
 */

import { isObject } from '../definitions/run.ts';

/** The lists and objects from which a patch has taken something. */
export class Emptied {
  readonly #places = new Set<object>();

  note(place: object): void {
    this.#places.add(place);
  }

  /** Takes out of `root` what has become empty; the root itself stays. */
  prune(root: object): void {
    if (this.#places.size > 0) this.#below(root);
  }

  /** True when the value is empty because something was taken from it or from below it. */
  #below(value: unknown): boolean {
    if (Array.isArray(value)) return this.#inList(value);
    if (!isObject(value)) return false;
    const place = value as Record<string, unknown>;
    let taken = this.#places.has(place);
    for (const [key, each] of Object.entries(place)) {
      if (!this.#below(each)) continue;
      delete place[key];
      taken = true;
    }
    return taken && Object.keys(place).length === 0;
  }

  #inList(list: unknown[]): boolean {
    let taken = this.#places.has(list);
    for (let at = list.length - 1; at >= 0; at--) {
      if (!this.#below(list[at])) continue;
      list.splice(at, 1);
      taken = true;
    }
    // The extensions of a list of primitives: nothing but gaps is nothing.
    return taken && list.every((each) => each === null);
  }
}

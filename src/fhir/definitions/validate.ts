/**
 * Validation of a resource: against its R4 type, then against each profile that it declares.
 *
 * All faults are collected (at most `ISSUES_MAX`), each with its place and the remedy. A profile
 * that we do not have is a warning: what it asks cannot be held against anybody.
 *
 * Spec: https://hl7.org/fhir/R4/validation.html
 */

import type { Issue } from '../../sdk/problem.ts';
import { checkResource, type Types } from './compile.ts';
import type { ValidateOptions } from './definitions.ts';
import type { ProfileChecks } from './profile-check.ts';
import { type Further, isObject, type Json, kindOf, Run, shown } from './run.ts';

type TypeCheck = (resource: Json, run: Run) => void;

/** Holds resources against the definitions. */
export class Validator implements Further {
  readonly #types: Types;
  readonly #profiles: ProfileChecks;
  readonly #ofType: ReadonlyMap<string, TypeCheck>;

  constructor(types: Types, profiles: ProfileChecks, ofType: ReadonlyMap<string, TypeCheck>) {
    this.#types = types;
    this.#profiles = profiles;
    this.#ofType = ofType;
    profiles.further = this;
  }

  knows(url: string): boolean {
    return this.#profiles.knows(url);
  }

  extension(url: string, value: Json, run: Run): void {
    const profile = this.#profiles.get(url);
    if (profile?.type !== 'Extension') return;
    profile.place?.(run);
    profile.check(value, run);
  }

  declared(resource: Json, run: Run): void {
    if (run.tooDeep) return;
    for (const url of declaredProfiles(resource) ?? []) this.#holdAgainst(url, resource, run);
  }

  ofType(type: string): TypeCheck | undefined {
    return this.#ofType.get(type);
  }

  /** All faults; see `Definitions.validate`. */
  validate(resource: unknown, options: ValidateOptions = {}): Issue[] {
    const run = new Run(this);
    if (!isObject(resource)) {
      run.push('Resource');
      run.error(
        'structure',
        'not-a-resource',
        `A resource is an object, but this is ${kindOf(resource)}.`,
      );
      return run.issues;
    }
    const type = resource.resourceType;
    run.push(
      typeof type === 'string' && this.#types.source.isResourceType(type) ? type : 'Resource',
    );
    checkResource(this.#types, resource, run);
    const declared = declaredProfiles(resource);
    if ((declared || options.profiles) && !run.tooDeep) {
      run.container = resource;
      run.resource = resource;
      if (type === 'Bundle') run.bundle = resource;
      for (const url of new Set([...(declared ?? []), ...(options.profiles ?? [])])) {
        this.#holdAgainst(url, resource, run);
      }
    }
    return run.issues;
  }

  #holdAgainst(url: string, resource: Json, run: Run): void {
    const profile = this.#profiles.get(url);
    if (!profile) {
      run.warning(
        'not-supported',
        'unknown-profile',
        `The profile ${shown(url)} is not known here, so the resource was not held against it.`,
        'meta.profile',
      );
    } else if (profile.type !== resource.resourceType) {
      run.error(
        'value',
        'profile-of-other-type',
        `The profile ${url} is one of ${profile.type}, not of ${shown(resource.resourceType)}.`,
        'meta.profile',
      );
    } else {
      profile.check(resource, run);
    }
  }
}

function declaredProfiles(resource: Json): string[] | undefined {
  const { meta } = resource;
  if (!isObject(meta) || !Array.isArray(meta.profile)) return undefined;
  return meta.profile.filter((each) => typeof each === 'string');
}

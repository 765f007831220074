/**
 * The parameters of the terminology operations, read and written.
 */

import type {
  CodeableConcept,
  CodeSystem,
  Coding,
  Parameters,
  ParametersParameter,
  ValueSet,
} from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { problem } from '../../sdk/index.ts';
import { validate } from '../store/write.ts';
import { fhirOf } from '../types.ts';

/** What an operation was given, by name. */
export class Given {
  readonly #list: readonly ParametersParameter[];

  /** @throws Problem when a value, or a definition that is sent along, is not what R4 has */
  constructor(unit: UnitOfWork, parameters: Parameters) {
    const sent = parameters.parameter ?? [];
    for (const [at, { resource }] of sent.entries()) {
      if (resource) validate(fhirOf(unit).definitions, resource, `Parameters.parameter[${at}]`);
    }
    const values = sent.map(({ resource: _resource, ...each }) => each);
    if (values.some(hasValue)) {
      validate(fhirOf(unit).definitions, {
        resourceType: 'Parameters',
        parameter: values.filter(hasValue),
      });
    }
    this.#list = parameters.parameter ?? [];
  }

  /** The text of a primitive parameter. */
  text(name: string): string | undefined {
    return this.texts(name)[0];
  }

  texts(name: string): string[] {
    return this.#all(name).flatMap((each) => {
      const key = Object.keys(each).find((it) => it.startsWith('value'));
      const value = key && (each as unknown as Record<string, unknown>)[key];
      return typeof value === 'string' ? [value] : [];
    });
  }

  flag(name: string): boolean {
    return this.#all(name)[0]?.valueBoolean === true;
  }

  number(name: string): number | undefined {
    const found = this.#all(name)[0];
    return found?.valueInteger;
  }

  coding(name: string): Coding | undefined {
    return this.#all(name)[0]?.valueCoding;
  }

  concept(name: string): CodeableConcept | undefined {
    return this.#all(name)[0]?.valueCodeableConcept;
  }

  resource(name: string): CodeSystem | ValueSet | undefined {
    return this.#all(name)[0]?.resource as CodeSystem | ValueSet | undefined;
  }

  #all(name: string): ParametersParameter[] {
    return this.#list.filter((each) => each.name === name);
  }
}

function hasValue(parameter: ParametersParameter): boolean {
  return Object.keys(parameter).some((key) => key.startsWith('value'));
}

/** A code to look at, with its system and display where they were given. */
export interface Asked {
  readonly code: string;
  readonly system?: string | undefined;
  readonly version?: string | undefined;
  readonly display?: string | undefined;
}

/**
 * The codes that were given: as `code`, `coding`, or `codeableConcept`.
 *
 * @throws Problem required when there is none, or several ways at once
 */
export function askedIn(given: Given, system: string | undefined): readonly Asked[] {
  const code = given.text('code');
  const coding = given.coding('coding');
  const codings = coding ? [coding] : (given.concept('codeableConcept')?.coding ?? []);
  if ((code === undefined) === (codings.length === 0)) {
    throw problem(
      'required',
      'terminology-code',
      'Give one of code (with system), coding or codeableConcept.',
      'code',
    );
  }
  if (code !== undefined) {
    return [{ code, system, version: given.text('version'), display: given.text('display') }];
  }
  return codings.flatMap((each) =>
    each.code === undefined
      ? []
      : [
          {
            code: each.code,
            system: each.system ?? system,
            version: each.version,
            display: each.display,
          },
        ],
  );
}

/** Parameters of those parts that have a value. */
export function answer(...parts: readonly (ParametersParameter | undefined)[]): Parameters {
  return {
    resourceType: 'Parameters',
    parameter: parts.filter((each): each is ParametersParameter => each !== undefined),
  };
}

/** A text among the answers; undefined when there is none. */
export function text(name: string, value: string | undefined): ParametersParameter | undefined {
  return value === undefined ? undefined : { name, valueString: value };
}

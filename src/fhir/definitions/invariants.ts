/**
 * Invariants: the FHIRPath rules that an element's definition states.
 *
 * Those of the base data types, which nearly every write meets, are written out here; the others
 * are compiled (`evaluate.ts`), and what that cannot read is given to the `fhirpath` package,
 * which is only loaded when it is needed. Advice (`warning`, best practice) is not looked at.
 *
 * Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
 */

import { createRequire } from 'node:module';
import type { ElementDefinitionConstraint } from '@medplum/fhirtypes';
import type { Rule } from './checks.ts';
import { intervalOf } from './dates.ts';
import { compileExpression, truth } from './evaluate.ts';
import { parseExpression, UnsupportedExpression } from './expression.ts';
import { isObject, type Json, type Run } from './run.ts';
import type { ElementNode } from './schema.ts';
import { descendants, intervalOrder, TooManyItems } from './values.ts';

type Holds = Rule['holds'];

/** Rules that the compiled checks themselves enforce. */
const BUILT_IN = new Set(['ele-1', 'ref-1', 'txt-1', 'txt-2', 'dom-6', 'sqty-1']);

const UCUM = 'http://unitsofmeasure.org';

/** Rules of data types, by their expression, so that a changed rule is not mistaken for this. */
const WRITTEN: Readonly<Record<string, Holds>> = {
  'extension.exists() != value.exists()': extensionHolds,
  'code.empty() or system.exists()': (value) => missing(value, 'code') || has(value, 'system'),
  'value.empty() or system.exists()': (value) => missing(value, 'value') || has(value, 'system'),
  'data.empty() or contentType.exists()': (value) =>
    missing(value, 'data') || has(value, 'contentType'),
  'start.hasValue().not() or end.hasValue().not() or (start <= end)': periodHolds,
  'contained.contained.empty()': (value) =>
    containedLack(value, (each) => missing(each, 'contained')),
  'contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()': (value) =>
    containedLack(
      value,
      ({ meta }) => !isObject(meta) || !(has(meta, 'versionId') || has(meta, 'lastUpdated')),
    ),
  'contained.meta.security.empty()': (value) =>
    containedLack(value, ({ meta }) => !isObject(meta) || missing(meta, 'security')),
};

function has(value: Json, name: string): boolean {
  return value[name] !== undefined || value[`_${name}`] !== undefined;
}

function missing(value: Json, name: string): boolean {
  return !has(value, name);
}

function extensionHolds(value: Json, run: Run): boolean {
  let valued = false;
  for (const key in value) {
    if (key.startsWith('value') || key.startsWith('_value')) {
      valued = true;
      break;
    }
  }
  const { url } = value;
  if (typeof url === 'string' && !url.includes(':') && !withinExtension(run)) {
    run.error(
      'extension',
      'relative-extension-url',
      'The url of an extension must be absolute. Give the canonical URL of its definition.',
      'url',
    );
  }
  return valued !== (value.extension !== undefined);
}

/** True for an extension of an extension, whose url may be relative. */
function withinExtension(run: Run): boolean {
  const above = run.names[run.depth - 2];
  return above === 'extension' || above === 'modifierExtension';
}

function periodHolds(value: Json): boolean {
  if (typeof value.start !== 'string' || typeof value.end !== 'string') return true;
  const [start, end] = [intervalOf(value.start), intervalOf(value.end)];
  return !start || !end || (intervalOrder(start, end) ?? 0) <= 0;
}

function containedLack(value: Json, test: (contained: Json) => boolean): boolean {
  const { contained } = value;
  return !Array.isArray(contained) || contained.every((each) => !isObject(each) || test(each));
}

/** dom-3: what is contained is referred to, or refers to its container. */
function containedIsUsed(value: Json): boolean {
  const { contained } = value;
  if (!Array.isArray(contained)) return true;
  const used = new Set<unknown>();
  for (const each of descendants(value)) {
    if (typeof each === 'string' && each.startsWith('#')) used.add(each);
  }
  return contained.every(
    (each) =>
      !isObject(each) ||
      used.has(`#${String(each.id)}`) ||
      descendants(each).some((below) => isObject(below) && below.reference === '#'),
  );
}

/** Rules whose expression R4 got wrong; what stands here is what their text says. */
const MENDED: Readonly<Record<string, string>> = {
  'enableWhen.count() > 2 implies enableBehavior.exists()':
    'enableWhen.count() > 1 implies enableBehavior.exists()',
};

/** What R4 says in words only. */
const SAID: Readonly<Record<string, readonly Rule[]>> = {
  'Bundle.entry': [
    {
      key: 'absolute-full-url',
      human: 'fullUrl must be absolute: a URL, or urn:uuid: with a UUID.',
      holds: ({ fullUrl }) => typeof fullUrl !== 'string' || fullUrl.includes(':'),
    },
  ],
  Bundle: [
    {
      key: 'link-once',
      human: 'A link relation (self, next …) may stand once only.',
      holds: ({ link }) => {
        if (!Array.isArray(link)) return true;
        const relations = link.filter(isObject).map((each) => each.relation);
        return new Set(relations).size === relations.length;
      },
    },
  ],
};

/** How many rules went which way; for tests and measurements. */
export const counts = { written: 0, compiled: 0, interpreted: 0 };

/** The rules of an element, those of its base type left out where `known` names them. */
export function rulesOf(
  node: Pick<ElementNode, 'constraints' | 'path'>,
  known?: ReadonlySet<string>,
): Rule[] {
  const stated = node.constraints.flatMap((constraint) => {
    const key = constraint.key ?? 'rule';
    if (constraint.severity !== 'error' || BUILT_IN.has(key) || known?.has(key)) return [];
    const holds = holdsOf(constraint);
    return holds ? [{ key, human: constraint.human ?? constraint.expression ?? key, holds }] : [];
  });
  const said = known ? undefined : SAID[node.path];
  return said ? [...stated, ...said] : stated;
}

function holdsOf(constraint: ElementDefinitionConstraint): Holds | undefined {
  const expression = constraint.expression?.trim();
  if (!expression) return undefined;
  const written = constraint.key === 'dom-3' ? containedIsUsed : WRITTEN[expression];
  if (written) {
    counts.written++;
    return written;
  }
  return lazily(MENDED[expression] ?? expression);
}

/** Compiles at first use: most types are never met. */
function lazily(expression: string): Holds {
  let holds: Holds | undefined;
  return (value, run) => {
    holds ??= compiled(expression) ?? interpreted(expression);
    return holds(value, run);
  };
}

/** A rule of our own compiler; undefined when it cannot read the expression. */
export function compiled(expression: string): Holds | undefined {
  try {
    const evaluate = compileExpression(parseExpression(expression));
    counts.compiled++;
    return (value, run) => {
      const around = { resource: run.resource, rootResource: run.container, context: value };
      try {
        return truth(evaluate([value], around)) === true;
      } catch (error) {
        // A rule that would grow for ever has not shown the value to be wrong.
        if (error instanceof TooManyItems) return true;
        throw error;
      }
    };
  } catch (error) {
    if (error instanceof UnsupportedExpression) return undefined;
    throw error;
  }
}

type FhirPath = typeof import('fhirpath');
let fhirpath: { readonly engine: FhirPath; readonly model: unknown } | undefined;

function loadFhirPath(): NonNullable<typeof fhirpath> {
  const require = createRequire(import.meta.url);
  fhirpath ??= {
    engine: require('fhirpath') as FhirPath,
    model: require('fhirpath/fhir-context/r4') as unknown,
  };
  return fhirpath;
}

/** Functions of the package by which a text or a list grows without bound. */
const GROWING =
  /\b(?:replace|replaceMatches|matches|matchesFull|join|repeat|aggregate|combine)\s*\(/;

function interpreted(expression: string): Holds {
  if (GROWING.test(expression)) return () => true;
  const { engine, model } = loadFhirPath();
  const evaluate = engine.compile(expression, model as Parameters<FhirPath['compile']>[1]);
  counts.interpreted++;
  return (value, run) => {
    try {
      const found = evaluate(value, {
        resource: run.resource,
        rootResource: run.container,
        ucum: UCUM,
      }) as unknown[];
      return found.length > 0 && found[0] !== false;
    } catch {
      // A rule that fails on a value has not shown it to be wrong.
      return true;
    }
  };
}

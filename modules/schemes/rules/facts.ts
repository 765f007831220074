/**
 * What a criterion looks at: the parts of its expression whose values tell a person why it was not
 * met, as they stand in the rules (`%perCapita`, `members.where(age < 5).count()`); and whether it
 * asks for conditions met by month, for whoever misses one of these is eligible but does not comply.
 */

import { type Node, parseExpression } from '../language/syntax.ts';
import { type Scalar, toScalar, type Value } from '../language/values.ts';
import type { SchemeRules } from './types.ts';

const LOGIC = new Set(['and', 'or', 'xor', 'implies']);
const COMPARISONS = new Set(['<', '<=', '>', '>=', '=', '!=', 'in']);
const CONSTANTS = new Set(['number', 'string', 'boolean', 'date', 'duration', 'empty']);

/** The parts of an expression that it compares, each once. */
export function partsCompared(expression: string): string[] {
  const text = (node: Node): string[] =>
    CONSTANTS.has(node.kind) ? [] : [expression.slice(node.from, node.to)];
  const walk = (node: Node): string[] => {
    if (node.kind === 'binary' && LOGIC.has(node.operator)) {
      return [...walk(node.left), ...walk(node.right)];
    }
    if (node.kind === 'binary' && COMPARISONS.has(node.operator)) {
      return [...text(node.left), ...(node.operator === 'in' ? [] : text(node.right))];
    }
    if (node.kind === 'call' && node.name === 'not' && node.target) return walk(node.target);
    if (node.kind === 'call' && node.name === 'iif' && !node.target)
      return node.inputs.flatMap(walk);
    return text(node);
  };
  return [...new Set(walk(parseExpression(expression)))];
}

/** SQL of a value as text; undefined for what has none (members, lists). */
export function asText(value: Value): string | undefined {
  switch (value.is) {
    case 'members':
    case 'values':
    case 'list':
    case 'empty':
    case 'text':
      return undefined;
    default:
      return scalarText(toScalar(value, 0));
  }
}

function scalarText(value: Scalar): string | undefined {
  const number = (sql: string) => `trim_scale((${sql})::numeric)::text`;
  switch (value.is) {
    case 'number': {
      const { low, high } = value.range;
      if (low === high) return number(low);
      return `case when (${low}) = (${high}) then ${number(low)}
        else ${number(low)} || '..' || ${number(high)} end`;
    }
    case 'boolean':
      return `(${value.sql})::text`;
    case 'code':
      return `(${value.sql})::text`;
    case 'date':
      return `(${value.low})::text`;
    case 'fact':
      return `coalesce(${number(value.number)}, ${value.code}, (${value.boolean})::text)`;
    default:
      return undefined;
  }
}

const CONDITIONS = /^months(Met|NotMet|Exempt|NoData)$/;

/** Of each criterion: does it ask for conditions met, by itself or by a variable that it names? */
export function asksForCompliance(rules: SchemeRules): boolean[] {
  const asking = new Set<string>();
  const asks = (expression: string): boolean => someNode(parseExpression(expression), asking);
  for (const { name, expression } of rules.memberVariables) {
    if (asks(expression)) asking.add(name);
  }
  for (const { name, expression } of rules.variables) {
    if (asks(expression)) asking.add(`%${name}`);
  }
  return rules.criteria.map(({ expression }) => asks(expression));
}

function someNode(node: Node, asking: ReadonlySet<string>): boolean {
  const inside = (each: Node | undefined): boolean => each !== undefined && someNode(each, asking);
  switch (node.kind) {
    case 'variable':
      return asking.has(`%${node.name}`);
    case 'name':
      return asking.has(node.name) || inside(node.target);
    case 'call':
      return CONDITIONS.test(node.name) || inside(node.target) || node.inputs.some(inside);
    case 'negate':
      return inside(node.operand);
    case 'binary':
      return inside(node.left) || inside(node.right);
    default:
      return false;
  }
}

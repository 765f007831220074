/**
 * Tokens and URLs as they are looked up: by which hashes a value is found, for rows of the database
 * and for definitions in memory alike.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#token, #uri
 */

import type { UnitOfWork } from '../../app.ts';
import type { SearchParameterInfo } from '../definitions/definitions.ts';
import {
  bareCodeHash,
  codeHash,
  paramKey,
  systemCodeHash,
  systemHash,
  systemKey,
  valueHash,
} from '../definitions/hash.ts';
import { codesOfSets, relatedCodes } from './membership.ts';
import { unescaped } from './text-values.ts';
import { parseToken, type Token } from './values.ts';

/** What a token is found by: one in `tk`, one in `tok`, or either. */
export interface TokenHashes {
  readonly tk?: bigint;
  /** Without `system`, of any system. */
  readonly tok?: { readonly hash: bigint; readonly system?: number };
}

/** The tokens that a term asks for; value sets and hierarchies by their codes. */
export function tokensAsked(
  unit: UnitOfWork,
  modifier: string | undefined,
  texts: readonly string[],
  name: string,
): Token[] {
  if (modifier === 'in' || modifier === 'not-in') return codesOfSets(unit, texts, name);
  if (modifier === 'above' || modifier === 'below') {
    return relatedCodes(unit, texts, modifier, name);
  }
  return texts.map((each) => parseToken(each, name));
}

/** What tokens of a parameter are found by. */
export function tokenHashes(
  info: SearchParameterInfo,
  tokens: readonly Token[],
): readonly TokenHashes[] {
  return tokens.flatMap(({ system: asked, code }): TokenHashes[] => {
    const system = info.onlySystem ?? asked;
    if (asked !== undefined && asked !== system) return [];
    if (code === '' && system && asked) return [{ tk: systemHash(info.key, system) }];
    return [
      {
        ...(info.tokens !== 'tok' && { tk: codeToken(info, system, code) }),
        ...(info.tokens !== 'tk' && {
          tok: {
            hash: valueHash(info.key, code),
            ...(system !== undefined && { system: systemKey(system) }),
          },
        }),
      },
    ];
  });
}

function codeToken(info: SearchParameterInfo, system: string | undefined, code: string): bigint {
  if (system === undefined || info.implicitSystems.includes(system)) {
    return codeHash(info.key, code);
  }
  return system === '' ? bareCodeHash(info.key, code) : systemCodeHash(info.key, system, code);
}

/** What URLs are found by in `tok`; with `below` and `above` by path segment. */
export function uriHashes(
  type: string,
  { key, rowsCode }: SearchParameterInfo,
  modifier: string | undefined,
  texts: readonly string[],
): bigint[] {
  return texts.map(unescaped).flatMap((each) => {
    if (modifier === undefined) return [valueHash(key, each)];
    // R4: above and below are for URLs, not for URNs, which have no hierarchy.
    if (/^urn:/i.test(each)) return [];
    if (modifier === 'above') return ancestors(each).map((one) => valueHash(key, one));
    return [valueHash(paramKey(type, `${rowsCode}:below`), each.replace(/\/+$/, ''))];
  });
}

/** A uri and all that it stands below, by path segment. */
function ancestors(uri: string): string[] {
  const found = [uri];
  for (
    let at = uri.lastIndexOf('/');
    at > 0 && uri[at - 1] !== '/';
    at = uri.lastIndexOf('/', at - 1)
  ) {
    found.push(uri.slice(0, at), uri.slice(0, at + 1));
  }
  return found;
}

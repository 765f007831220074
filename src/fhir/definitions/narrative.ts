/**
 * Narrative: XHTML that is safe to show. One `div` of the XHTML name space, balanced, made of the
 * elements and attributes that FHIR allows; no scripts, forms, styles from outside or handlers.
 *
 * Spec: https://hl7.org/fhir/R4/narrative.html (txt-1, txt-2)
 */

import type { ValueCheck } from './checks.ts';
import { shown } from './run.ts';

const ELEMENTS = new Set(
  (
    'a abbr acronym b big blockquote br caption center cite code col colgroup dd dfn div dl dt em ' +
    'font h1 h2 h3 h4 h5 h6 hr i img li ol p pre q s samp small span strike strong sub sup table ' +
    'tbody td tfoot th thead tr tt u ul var'
  ).split(' '),
);
const ATTRIBUTES = new Set(
  (
    'abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign ' +
    'char charoff charset cite class color colspan compact coords dir face frame headers height ' +
    'href hreflang hspace id lang longdesc name noshade nowrap rel rev rowspan rules scope shape ' +
    'size span src start style summary tabindex title type valign value vspace width xml:lang xmlns'
  ).split(' '),
);

const TAG = /<(\/?)([A-Za-z][\w:.-]*)((?:\s+[^\s=<>"'/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const ATTRIBUTE = /([^\s=<>"'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
/** Only what XML itself knows: the narrative must stand in XML as well. */
const ENTITY = /&(?!(?:lt|gt|amp|quot|apos|#\d+|#x[0-9a-fA-F]+);)/;
/** What is passed over, and what must not stand in it: there HTML sees its end earlier than XML. */
const ASIDES = [
  ['<!--', '-->', /^-?>|--|-$/],
  ['<![CDATA[', ']]>', />/],
  ['<?', '?>', />/],
] as const;
const UNSAFE_URL = /^(?:javascript|vbscript|data:(?!image\/))/i;

/** Reports narrative that is not safe XHTML. */
export const checkNarrative: ValueCheck = (value, run) => {
  const wrong = narrativeFault(value as string);
  if (wrong) run.error('invariant', 'txt-1', `${wrong} Send plain XHTML in one div.`);
};

/**
 * What is wrong with a narrative, as a sentence; undefined when nothing is. It is read once, from
 * tag to tag, so that what looks like a comment within an attribute hides nothing.
 */
export function narrativeFault(text: string): string | undefined {
  const open: string[] = [];
  let begun = false;
  let filled = false;
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('<', at);
    const said = text.slice(at, next < 0 ? text.length : next);
    if (said.trim() !== '') {
      if (open.length === 0) return begun ? 'Narrative has text outside its div.' : NO_DIV;
      filled = true;
    }
    if (isBareAmpersand(said)) return AMPERSAND;
    if (next < 0) break;
    const aside = asideAt(text, next);
    if (typeof aside === 'string') return aside;
    if (aside !== undefined) {
      at = aside;
      continue;
    }
    TAG.lastIndex = next;
    const tag = TAG.exec(text);
    if (!begun && !/^<div[\s>/]/.test(text.slice(next, next + 5))) return NO_DIV;
    if (!tag) return notWellFormed(text, next);
    if (isBareAmpersand(tag[3]!)) return AMPERSAND;
    const wrong = tagFault(tag, open, !begun);
    if (wrong) return wrong;
    begun = true;
    if (tag[2] === 'img') filled = true;
    at = TAG.lastIndex;
  }
  if (!begun) return NO_DIV;
  if (open.length > 0) return `Narrative does not close <${open.at(-1)}>.`;
  return filled ? undefined : 'Narrative is empty.';
}

const NO_DIV = 'Narrative must start with <div>.';
const AMPERSAND =
  'Narrative holds a bare "&" or a named entity of HTML; write "&amp;" or "&#160;".';

function isBareAmpersand(text: string): boolean {
  return text.includes('&') && ENTITY.test(text);
}

function notWellFormed(text: string, at: number): string {
  return `Narrative is not well-formed at ${shown(text.slice(at, at + 30))}.`;
}

/** The end of a comment, character data or instruction that begins here; a sentence if it is bad. */
function asideAt(text: string, at: number): number | string | undefined {
  for (const [opens, closes, hostile] of ASIDES) {
    if (!text.startsWith(opens, at)) continue;
    const from = at + opens.length;
    const end = text.indexOf(closes, from);
    if (end < 0 || hostile.test(text.slice(from, end))) return notWellFormed(text, at);
    return end + closes.length;
  }
  return undefined;
}

/** A URL as a browser takes it: characters written as numbers are read, blanks are not. */
function urlOf(attribute: string): string {
  return attribute
    .replace(/&#(?:x0*([0-9a-f]{1,6})|0*(\d{1,7}));/gi, (whole, hex?: string, decimal?: string) => {
      const code = hex ? Number.parseInt(hex, 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    })
    .replace(/[\p{Cc}\s]/gu, '');
}

function tagFault(tag: RegExpExecArray, open: string[], first: boolean): string | undefined {
  const [, closing, name, attributes, empty] = tag;
  if (closing) {
    return open.pop() === name ? undefined : `Narrative closes </${name}> where it is not open.`;
  }
  if (!ELEMENTS.has(name!)) return `Narrative must not hold <${name}>.`;
  if (open.length === 0 && !first) return 'Narrative must be one div.';
  for (const [, attribute, double, single] of attributes!.matchAll(ATTRIBUTE)) {
    if (!ATTRIBUTES.has(attribute!) && !attribute!.startsWith('xmlns:')) {
      return `Narrative must not hold the attribute ${shown(attribute)}.`;
    }
    if (
      (attribute === 'href' || attribute === 'src') &&
      UNSAFE_URL.test(urlOf(double ?? single ?? ''))
    ) {
      return `Narrative must not link to ${shown(double ?? single)}.`;
    }
  }
  if (!empty) open.push(name!);
  return undefined;
}

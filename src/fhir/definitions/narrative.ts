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
const ASIDES = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;
const UNSAFE_URL = /^[\s\0-\x20]*(?:javascript|vbscript|data:(?!image\/))/i;

/** Reports narrative that is not safe XHTML. */
export const checkNarrative: ValueCheck = (value, run) => {
  const wrong = narrativeFault(value as string);
  if (wrong) run.error('invariant', 'txt-1', `${wrong} Send plain XHTML in one div.`);
};

/** What is wrong with a narrative, as a sentence; undefined when nothing is. */
export function narrativeFault(text: string): string | undefined {
  const xhtml = withoutAsides(text).trim();
  if (!/^<div[\s>/]/.test(xhtml)) return 'Narrative must start with <div>.';
  if (ENTITY.test(xhtml))
    return 'Narrative holds a bare "&" or a named entity of HTML; write "&amp;" or "&#160;".';
  const open: string[] = [];
  let filled = false;
  for (let at = 0; at < xhtml.length; ) {
    const next = xhtml.indexOf('<', at);
    const said = xhtml.slice(at, next < 0 ? xhtml.length : next);
    if (said.trim() !== '') {
      if (open.length === 0) return 'Narrative has text outside its div.';
      filled = true;
    }
    if (next < 0) break;
    TAG.lastIndex = next;
    const tag = TAG.exec(xhtml);
    if (!tag) return `Narrative is not well-formed at ${shown(xhtml.slice(next, next + 30))}.`;
    const wrong = tagFault(tag, open, next === 0);
    if (wrong) return wrong;
    if (tag[2] === 'img') filled = true;
    at = TAG.lastIndex;
  }
  if (open.length > 0) return `Narrative does not close <${open.at(-1)}>.`;
  return filled ? undefined : 'Narrative is empty.';
}

/** The text without comments, character data and instructions; one that never ends stays. */
function withoutAsides(text: string): string {
  let kept = text;
  for (const [opens, closes] of ASIDES) {
    let from = kept.indexOf(opens);
    if (from < 0) continue;
    const parts: string[] = [];
    let at = 0;
    while (from >= 0) {
      const end = kept.indexOf(closes, from + opens.length);
      if (end < 0) break;
      parts.push(kept.slice(at, from));
      at = end + closes.length;
      from = kept.indexOf(opens, at);
    }
    kept = parts.join('') + kept.slice(at);
  }
  return kept;
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
    if ((attribute === 'href' || attribute === 'src') && UNSAFE_URL.test(double ?? single ?? '')) {
      return `Narrative must not link to ${shown(double ?? single)}.`;
    }
  }
  if (!empty) open.push(name!);
  return undefined;
}

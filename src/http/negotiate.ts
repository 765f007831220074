/**
 * Content negotiation for FHIR: what the client accepts and what it sends, JSON or XML. What cannot
 * be given is refused, never silently given in another form.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#mime-type, https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
 */

import { type Form, JSON_FORM } from '../fhir/formats/render.ts';
import { type Problem, problem } from '../sdk/index.ts';

/** Names of FHIR JSON and XML: our own, the general ones, and those of earlier versions. */
const JSON_TYPES: readonly string[] = [
  'application/fhir+json',
  'application/json',
  'text/json',
  'application/json+fhir',
  'json',
];
const XML_TYPES: readonly string[] = [
  'application/fhir+xml',
  'application/xml',
  'text/xml',
  'application/xml+fhir',
  'xml',
];
const FHIR_VERSIONS: ReadonlySet<string> = new Set(['4.0', '4.0.1']);

/** A media type or range with what follows it. */
interface Range {
  readonly type: string;
  readonly q: number;
  readonly fhirVersion?: string;
}

/**
 * The form in which to answer. `_format` goes before Accept; of what Accept allows equally, JSON.
 *
 * @param more  forms that the operation asked for gives besides JSON, instead of FHIR XML
 * @throws Problem not-acceptable when neither JSON nor XML nor one of these is allowed
 */
export function formOf(
  query: URLSearchParams,
  accept: string | undefined,
  more: readonly string[] = [],
): Form {
  const format = query.get('_format');
  const pretty = query.get('_pretty') === 'true';
  if (format === null && isForJson(accept)) {
    return pretty ? { ...JSON_FORM, pretty } : JSON_FORM;
  }
  const wanted = format === null ? accept! : nameOf(format);
  const ranges = rangesOf(wanted).filter(isOurVersion);
  const families = [JSON_TYPES, more.length > 0 ? more : XML_TYPES];
  const given = families.filter((family) => !isRefused(ranges, family[0]!)).flat();
  const found = best(ranges, given);
  if (!found) throw notAcceptable(wanted);
  const fhirVersion = found.range.fhirVersion;
  return { xml: XML_TYPES.includes(found.type), pretty, ...(fhirVersion && { fhirVersion }) };
}

/** True when the very type that we would answer with is ruled out, whatever other names allow. */
function isRefused(ranges: readonly Range[], type: string): boolean {
  return ranges.some((each) => each.type === type && each.q === 0);
}

/** What most clients send, told without reading it. */
function isForJson(accept: string | undefined): boolean {
  return accept === undefined || accept === '*/*' || accept === 'application/fhir+json';
}

/** How the bytes of a Binary are wanted: as they are, or in a form of FHIR. */
export type BinaryWish = 'native' | Form;

/**
 * Whether a Binary is wanted as it is, which is the rule, or as a FHIR resource.
 *
 * @param native  media type of the bytes
 * @throws Problem not-acceptable
 */
export function binaryWish(
  query: URLSearchParams,
  accept: string | undefined,
  native: string,
): BinaryWish {
  const format = query.get('_format');
  const bare = native.split(';')[0]!.trim().toLowerCase();
  if (format !== null) return nameOf(format) === bare ? 'native' : formOf(query, accept);
  const ranges = rangesOf(accept ?? '*/*').filter(isOurVersion);
  // General names (application/json) mean FHIR only where the bytes are nothing of the kind.
  const fhir = [...JSON_TYPES, ...XML_TYPES].filter((type) => type.includes('fhir'));
  const explicit = ranges.filter(({ type }) => fhir.includes(type));
  const asFhir = best(explicit, fhir);
  const asIs = best(ranges, [bare]);
  if (asIs && asIs.range.q >= (asFhir?.range.q ?? 0)) {
    const isTie = asIs.range.q === asFhir?.range.q;
    if (!isTie || asIs.range.type === bare) return 'native';
  }
  return formOf(query, accept);
}

/** The given type with the highest q; a range says less than a name, and the first wins a tie. */
function best(
  ranges: readonly Range[],
  given: readonly string[],
): { type: string; range: Range } | undefined {
  let found: { type: string; range: Range } | undefined;
  for (const type of given) {
    const range = nearestRange(ranges, type);
    if (range && range.q > (found?.range.q ?? 0)) found = { type, range };
  }
  return found;
}

/** What Accept says of a type: by its name, else by `type/*`, else by the range of all. */
function nearestRange(ranges: readonly Range[], type: string): Range | undefined {
  const family = `${type.split('/')[0]}/*`;
  for (const name of [type, family, '*/*']) {
    const range = ranges.find((each) => each.type === name);
    if (range) return range;
  }
  return undefined;
}

function rangesOf(header: string): Range[] {
  return header.split(',').map((each) => {
    const [type = '', ...rest] = each.split(';').map((part) => part.trim().toLowerCase());
    const { q, fhirversion } = parametersOf(rest);
    const weight = q === undefined ? 1 : Number(q);
    return {
      type,
      q: weight >= 0 && weight <= 1 ? weight : 0,
      ...(fhirversion !== undefined && { fhirVersion: fhirversion }),
    };
  });
}

function parametersOf(parts: readonly string[]): {
  q?: string;
  fhirversion?: string;
  charset?: string;
} {
  return Object.fromEntries(
    parts.map((part) => {
      const at = part.indexOf('=');
      return [part.slice(0, at), part.slice(at + 1).replace(/^"(.*)"$/, '$1')];
    }),
  );
}

function isOurVersion({ fhirVersion }: Range): boolean {
  return fhirVersion === undefined || FHIR_VERSIONS.has(fhirVersion);
}

/** `+` arrives as a blank where the client has not escaped it. */
function nameOf(format: string): string {
  return format
    .trim()
    .replace(/^([\w.-]+\/[\w.-]+) /, '$1+')
    .toLowerCase();
}

function notAcceptable(wanted: string): Problem {
  return problem(
    'not-acceptable',
    'format-unknown',
    `"${wanted.slice(0, 100)}" cannot be given; ask for application/fhir+json or ` +
      'application/fhir+xml, in R4 (4.0).',
  );
}

/** What kind of body a request announces. */
export type BodyKind = 'json' | 'xml' | 'form' | 'bytes';

/**
 * What kind of body a content type announces; none is taken for FHIR JSON.
 *
 * @param to  `bytes` where anything else is taken as it is (a Binary), `patch` for a PATCH
 * @throws Problem unsupported-media-type
 */
export function bodyKind(contentType: string | undefined, to?: 'bytes' | 'patch'): BodyKind {
  if (contentType === undefined) return 'json';
  const [type = '', ...rest] = contentType
    .toLowerCase()
    .split(';')
    .map((each) => each.trim());
  const { charset, fhirversion } = parametersOf(rest);
  const isJson =
    JSON_TYPES.includes(type) || (to === 'patch' && type === 'application/json-patch+json');
  if (!isJson && !XML_TYPES.includes(type) && type !== FORM_TYPE) {
    if (to === 'bytes') return 'bytes';
    throw unsupported('format-unknown', `"${type.slice(0, 100)}" is not taken`);
  }
  const isUtf8 = charset === undefined || ['utf-8', 'utf8', 'us-ascii'].includes(charset);
  if (to === 'bytes' && (type === FORM_TYPE || (!isUtf8 && !isFhirType(type)))) return 'bytes';
  if (!isUtf8)
    throw unsupported('charset-unknown', `Charset "${charset.slice(0, 40)}" is not taken`);
  if (fhirversion !== undefined && !FHIR_VERSIONS.has(fhirversion)) {
    throw unsupported('format-unknown', `FHIR ${fhirversion.slice(0, 40)} is not taken`);
  }
  if (type === FORM_TYPE) return 'form';
  return isJson ? 'json' : 'xml';
}

const FORM_TYPE = 'application/x-www-form-urlencoded';

/** True when a content type names FHIR itself, not JSON or XML in general. */
export function isFhirType(contentType: string | undefined): boolean {
  return (
    contentType === undefined ||
    /^\s*application\/(?:fhir\+\w+|\w+\+fhir)\s*(?:;|$)/i.test(contentType)
  );
}

function unsupported(code: 'format-unknown' | 'charset-unknown', says: string): Problem {
  return problem(
    'unsupported-media-type',
    code,
    `${says}; send application/fhir+json or application/fhir+xml, in UTF-8 and R4 (4.0).`,
  );
}

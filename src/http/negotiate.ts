/**
 * Content negotiation for FHIR: what the client accepts and what it sends. JSON only for now; what
 * cannot be given is refused, never silently given in another form.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#mime-type
 */

import { type Problem, problem } from '../sdk/index.ts';

const JSON_TYPES = new Set([
  'application/fhir+json',
  'application/json',
  'text/json',
  'application/json+fhir',
  'application/*',
  'text/*',
  '*/*',
  'json',
]);

/**
 * @param more  forms that the operation asked for gives besides JSON
 * @throws Problem not-acceptable when neither `_format` nor Accept allows JSON or one of these
 */
export function checkAccept(
  format: string | null,
  accept: string | undefined,
  more: readonly string[] = [],
): void {
  const isGiven = (type: string): boolean => JSON_TYPES.has(type) || more.includes(type);
  if (format !== null) {
    // `+` arrives as a blank where the client has not escaped it.
    const wanted = format.split(';')[0]!.trim().replace(' ', '+').toLowerCase();
    if (!isGiven(wanted)) throw notAcceptable(wanted);
    return;
  }
  if (!accept) return;
  const ranges = accept.split(',').map((each) => each.trim().toLowerCase());
  const allowed = ranges.some((range) => {
    const [type = '', ...parameters] = range.split(';').map((each) => each.trim());
    return isGiven(type) && !parameters.some((each) => /^q=0(\.0*)?$/.test(each));
  });
  if (!allowed) throw notAcceptable(accept);
}

function notAcceptable(wanted: string): Problem {
  return problem(
    'not-acceptable',
    'format-unknown',
    `"${wanted.slice(0, 100)}" cannot be given; ask for application/fhir+json.`,
  );
}

/** What kind of body a content type announces. */
export function bodyKind(contentType: string | undefined): 'json' | 'form' {
  const [type = '', ...parameters] = (contentType ?? 'application/fhir+json')
    .toLowerCase()
    .split(';')
    .map((each) => each.trim());
  const charset = parameters.map((each) => /^charset="?([\w-]+)"?$/.exec(each)?.[1]).find(Boolean);
  if (charset && !['utf-8', 'utf8', 'us-ascii'].includes(charset)) {
    throw problem(
      'unsupported-media-type',
      'charset-unknown',
      `Charset "${charset.slice(0, 40)}" is not taken; FHIR is UTF-8.`,
    );
  }
  if (type === 'application/x-www-form-urlencoded') return 'form';
  if (JSON_TYPES.has(type) || type.endsWith('+json')) return 'json';
  throw problem(
    'unsupported-media-type',
    'format-unknown',
    `"${type.slice(0, 100)}" is not taken; send application/fhir+json.`,
  );
}

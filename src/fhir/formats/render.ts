/**
 * Answers in the form that was asked for. The FHIR room answers in JSON, as text that is mostly
 * stored as such; JSON that need not be indented goes out untouched.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#mime-type, #pretty
 */

import type { Definitions } from '../definitions/definitions.ts';
import { FHIR_JSON } from '../interactions/respond.ts';
import type { FhirResponse } from '../types.ts';
import { parseJson } from './json.ts';
import { formatXml } from './xml.ts';

/** How to answer. */
export interface Form {
  readonly xml: boolean;
  /** Indented, for people. */
  readonly pretty: boolean;
  /** Named by the client, and so by the answer. */
  readonly fhirVersion?: string;
}

export const JSON_FORM: Form = { xml: false, pretty: false };

const FHIR_XML = 'application/fhir+xml; charset=utf-8';

/**
 * An answer in a form.
 *
 * @throws Problem not-acceptable when XML cannot carry it
 */
export function render(definitions: Definitions, answer: FhirResponse, form: Form): FhirResponse {
  const { text, headers } = answer;
  if (form === JSON_FORM || text === undefined || headers['content-type'] !== FHIR_JSON) {
    return answer;
  }
  const { xml, pretty, fhirVersion } = form;
  const type = xml ? FHIR_XML : FHIR_JSON;
  return {
    ...answer,
    headers: {
      ...headers,
      'content-type': fhirVersion ? `${type}; fhirVersion=${fhirVersion}` : type,
    },
    text: rendered(definitions, text, xml, pretty),
  };
}

function rendered(definitions: Definitions, text: string, xml: boolean, pretty: boolean): string {
  if (xml) return formatXml(definitions, parseJson(text), { pretty });
  return pretty ? JSON.stringify(parseJson(text), null, 2) : text;
}

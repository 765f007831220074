/**
 * The topics of all modules as they are published: R4 has no SubscriptionTopic, so each is a Basic
 * with the elements of R5's as cross-version extensions, as the Backport guide shows it.
 *
 * Spec: https://hl7.org/fhir/uv/subscriptions-backport (STU 1.1), https://hl7.org/fhir/versions.html#extensions
 */

import type { Basic, Extension } from '@medplum/fhirtypes';
import { MODULES } from '../modules/index.ts';
import { assemble } from '../src/assemble.ts';
import { subscriptionTopic, type Topic, topicUrl } from '../src/sdk/index.ts';
import { HOUSE_SETTINGS } from '../src/settings.ts';

const R5 = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic';

/** Our topics by the names of the files that publish them. */
export function topicFiles(): Map<string, string> {
  const { contributions } = assemble(MODULES, HOUSE_SETTINGS).registers;
  const topics = (contributions.get(subscriptionTopic.name) ?? []) as Topic[];
  return new Map(
    topics.map((each) => [
      `Basic-${each.name}.json`,
      `${JSON.stringify(published(each), null, 1)}\n`,
    ]),
  );
}

function published(topic: Topic): Basic {
  const { name, title, description, resource, action, filters } = topic;
  const extension = (element: string, value: Omit<Extension, 'url'>): Extension => ({
    url: `${R5}.${element}`,
    ...value,
  });
  return {
    resourceType: 'Basic',
    id: name,
    extension: [
      extension('url', { valueUri: topicUrl(topic) }),
      extension('version', { valueString: '0.1.0' }),
      extension('title', { valueString: title }),
      extension('description', { valueMarkdown: description }),
      extension('resourceTrigger', {
        extension: [
          { url: 'description', valueMarkdown: description },
          { url: 'resource', valueUri: `http://hl7.org/fhir/StructureDefinition/${resource}` },
          { url: 'supportedInteraction', valueCode: action },
        ],
      }),
      ...filters.map((filter) =>
        extension('canFilterBy', {
          extension: [
            { url: 'resource', valueUri: `http://hl7.org/fhir/StructureDefinition/${resource}` },
            { url: 'filterParameter', valueString: filter },
          ],
        }),
      ),
      extension('notificationShape', {
        extension: [
          { url: 'resource', valueUri: `http://hl7.org/fhir/StructureDefinition/${resource}` },
        ],
      }),
    ],
    modifierExtension: [extension('status', { valueCode: 'active' })],
    code: {
      coding: [{ system: 'http://hl7.org/fhir/fhir-types', code: 'SubscriptionTopic' }],
    },
  };
}

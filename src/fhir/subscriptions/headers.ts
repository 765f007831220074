/**
 * Headers that a Subscription asks to be sent (`Authorization: Bearer …`). Their values are secrets:
 * they are kept apart from the resource, which shows `***` in their place, to everybody and in its
 * history. Sent back as `***`, a header keeps the value that it had.
 */

import { problem } from '../../sdk/index.ts';

/** What stands for a value that is kept. */
export const HIDDEN = '***';

/** A header with its value. */
export interface Header {
  readonly name: string;
  readonly value: string;
}

/** Ours, or of the connection; a subscriber does not set them. */
const RESERVED =
  /^(host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*|webhook-.*)$/i;
const FORM = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}):[ \t]*([\x20-\x7e\t]{0,4096})$/;
const HEADERS_MAX = 20;

/**
 * Reads `Name: value` lines.
 *
 * @throws Problem naming the line that cannot be sent
 */
export function parseHeaders(lines: readonly string[]): Header[] {
  const refuse = (why: string, at: number) =>
    problem('value', 'subscription-header', why, `Subscription.channel.header[${at}]`);
  if (lines.length > HEADERS_MAX) {
    throw refuse(`At most ${HEADERS_MAX} headers can be sent.`, HEADERS_MAX);
  }
  return lines.map((line, at) => {
    const match = FORM.exec(line);
    if (!match) throw refuse('Write a header as "Name: value", in ASCII, on one line.', at);
    const [, name = '', value = ''] = match;
    if (RESERVED.test(name)) throw refuse(`${name} is set by the server; leave it out.`, at);
    return { name, value: value.trim() };
  });
}

/** The lines as the resource shows them. */
export function hiddenHeaders(headers: readonly Header[]): string[] {
  return headers.map((each) => `${each.name}: ${HIDDEN}`);
}

/**
 * Headers as they will be sent: hidden values are those kept before.
 *
 * @throws Problem when there is none to keep
 */
export function withKept(sent: readonly Header[], kept: readonly Header[]): Header[] {
  return sent.map((each, at) => {
    if (each.value !== HIDDEN) return each;
    const before = kept.find((one) => one.name.toLowerCase() === each.name.toLowerCase());
    if (before) return { name: each.name, value: before.value };
    throw problem(
      'business-rule',
      'subscription-header',
      `There is no value of ${each.name} that you may keep: send the value anew. Only whoever wrote ` +
        'a Subscription last can keep the values of its headers.',
      `Subscription.channel.header[${at}]`,
    );
  });
}

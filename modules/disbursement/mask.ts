/**
 * Masks secrets in what is kept of a conversation with a provider. Pure.
 *
 * Two nets: the values that the adapter names, in whatever form they stand, and the fields whose
 * names say that they hold a secret (headers, JSON, XML, forms).
 */

const MASK = '***';

const NAMES =
  '(?:proxy-)?authorization|x-api-key|api[-_]?key|subscription-key|pass(?:word|wd|phrase)?|pin|' +
  'secret|client[-_]?secret|(?:access|refresh|id)?[-_]?token|security[-_]?credential|signature|cookie';

const FIELDS: readonly RegExp[] = [
  // Header: value to the end of the line.
  new RegExp(`^([\\w-]*(?:${NAMES})[ \\t]*:[ \\t]*)(?!["{[])[^\\r\\n]+`, 'gim'),
  // "name": "value"
  new RegExp(`("[\\w-]*(?:${NAMES})"\\s*:\\s*)(?:"(?:[^"\\\\]|\\\\.)*"|[^\\s,}\\]]+)`, 'gi'),
  // <Name>value</Name>
  new RegExp(`(<(?:\\w+:)?[\\w-]*(?:${NAMES})(?:\\s[^>]*)?>)[^<]+`, 'gi'),
  // name=value&
  new RegExp(`((?:^|[?&\\s])[\\w-]*(?:${NAMES})=)[^&\\s]+`, 'gi'),
];

/** The text with its secrets masked. */
export function maskSecrets(text: string, secrets: readonly string[] = []): string {
  let masked = text;
  // The longest first, or a secret that contains another would be left in part.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    for (const form of formsOf(secret)) masked = masked.replaceAll(form, MASK);
  }
  for (const field of FIELDS) masked = masked.replace(field, `$1${MASK}`);
  return masked;
}

function formsOf(secret: string): string[] {
  if (secret === '') return [];
  const forms = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret, 'utf8').toString('base64'),
  ];
  return [...new Set(forms)];
}

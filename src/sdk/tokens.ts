/**
 * Tokens: exported typed constants through which rooms meet. Go-to-definition on a token finds
 * both ends of a meeting, and the compiler checks what passes between them.
 */

/** Something that has happened, in the past tense: `households.household-registered`. */
export interface EventToken<Data> {
  readonly kind: 'event';
  readonly name: string;
  /** One sentence: what has happened and what the data says. */
  readonly means: string;
  /** Never set; carries the type. */
  readonly data?: Data;
}

/** Declares an event. `Data` must be JSON: ids and codes, no personal data. */
export function event<Data>(name: string, means: string): EventToken<Data> {
  return { kind: 'event', name, means };
}

/** Work done later, in the imperative: `payroll.draft-payroll`. */
export interface JobToken<Data> {
  readonly kind: 'job';
  readonly name: string;
  readonly does: string;
  /** Attempts before the job is left for a person; default 25 with growing pauses. */
  readonly attemptsMax: number;
  readonly data?: Data;
}

/** Declares a job. `Data` must be JSON. Its handler must bear to run twice. */
export function job<Data>(
  name: string,
  does: string,
  options: { attemptsMax?: number } = {},
): JobToken<Data> {
  return { kind: 'job', name, does, attemptsMax: options.attemptsMax ?? 25 };
}

/** A right that a role can grant: `payroll.approve`. */
export interface Permission {
  readonly kind: 'permission';
  readonly name: string;
  readonly allows: string;
}

/** Declares a permission. */
export function permission(name: string, allows: string): Permission {
  return { kind: 'permission', name, allows };
}

/** A place where other modules add parts: `disbursement.payment-provider`. */
export interface ExtensionPoint<Part> {
  readonly kind: 'extension-point';
  readonly name: string;
  readonly takes: string;
  readonly part?: Part;
}

/** Declares an extension point. */
export function extensionPoint<Part>(name: string, takes: string): ExtensionPoint<Part> {
  return { kind: 'extension-point', name, takes };
}

/** A value the operator sets by environment variable. */
export interface Setting<Value> {
  readonly kind: 'setting';
  /** Environment variable, upper case. */
  readonly name: string;
  readonly means: string;
  readonly default: Value;
  /** How the default reads in the documentation, where the value itself would not say it. */
  readonly defaultText?: string;
  /** Turns the text into the value; throws an Error whose message says what is accepted. */
  readonly parse: (text: string) => Value;
  /** Never logged or shown. */
  readonly secret?: boolean;
}

/** Declares a setting. */
export function setting<Value>(definition: Omit<Setting<Value>, 'kind'>): Setting<Value> {
  return { kind: 'setting', ...definition };
}

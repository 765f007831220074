/**
 * `Group/$link-account`: links a household to an account (mobile number or bank account) at a
 * registered provider. The account is a registry fact and is written into the Group, so that it
 * has a history and whoever reads the household sees it.
 */

import type { Extension, Group, OperationDefinition } from '@medplum/fhirtypes';
import {
  type Context,
  codeIn,
  idIn,
  localId,
  type Operation,
  type OperationInput,
  operationDefinition,
  parameterIn,
  partOf,
  permission,
  problem,
  structureDefinition,
} from '../../src/sdk/index.ts';
import { normaliseBankAccount, normalisePhone, PHONE_COUNTRY } from '../households/index.ts';
import { findProvider } from './store.ts';

export const LINK_ACCOUNT = permission(
  'providers.link-account',
  'link households to payment accounts',
);

const ACCOUNT = structureDefinition('payment-account');

const definition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: operationDefinition('link-account'),
  name: 'LinkAccount',
  title: 'Link a household to a payment account',
  status: 'active',
  kind: 'operation',
  code: 'link-account',
  description:
    'Adds a mobile number or bank account at a registered, active provider, replacing the one of ' +
    'the same kind there. It becomes the account that is paid unless preferred is false. ' +
    'Answers the household.',
  affectsState: true,
  resource: ['Group'],
  system: false,
  type: false,
  instance: true,
  parameter: [
    { name: 'provider', use: 'in', min: 1, max: '1', type: 'Reference' },
    { name: 'kind', use: 'in', min: 1, max: '1', type: 'code' },
    { name: 'number', use: 'in', min: 1, max: '1', type: 'string' },
    { name: 'holder', use: 'in', min: 0, max: '1', type: 'string' },
    { name: 'preferred', use: 'in', min: 0, max: '1', type: 'boolean' },
    { name: 'return', use: 'out', min: 1, max: '1', type: 'Group' },
  ],
};

interface Account {
  readonly provider: string;
  readonly kind: 'mobile' | 'bank';
  readonly number: string;
  readonly holder: string | undefined;
  readonly preferred: boolean;
}

function readAccount(ctx: Context, input: OperationInput): Account {
  const named = (name: string) => parameterIn(input, name);
  const provider = localId(named('provider')?.valueReference?.reference, 'Organization');
  if (provider === undefined) {
    throw problem(
      'required',
      'provider-missing',
      'Name the provider: Organization/id.',
      'provider',
    );
  }
  const kind = named('kind')?.valueCode ?? named('kind')?.valueString;
  if (kind !== 'mobile' && kind !== 'bank') {
    throw problem('code-invalid', 'account-kind', 'The kind is mobile or bank.', 'kind');
  }
  const text = named('number')?.valueString ?? '';
  return {
    provider,
    kind,
    number:
      kind === 'mobile'
        ? normalisePhone(text, ctx.setting(PHONE_COUNTRY), 'number')
        : normaliseBankAccount(text, 'number'),
    holder: named('holder')?.valueString,
    preferred: named('preferred')?.valueBoolean !== false,
  };
}

async function run(ctx: Context, input: OperationInput): Promise<Group> {
  const account = readAccount(ctx, input);
  const provider = await findProvider(ctx, account.provider);
  if (!provider?.active) {
    throw problem(
      'business-rule',
      provider ? 'provider-inactive' : 'provider-unregistered',
      `Organization/${account.provider} is not an active payment service provider; ` +
        'register or activate it, or name another.',
      'provider',
    );
  }
  const group = await ctx.fhir.read<Group>('Group', input.id ?? '');
  return ctx.fhir.update<Group>(
    { ...group, extension: withAccount(group.extension ?? [], account) },
    group.meta?.versionId ? { ifMatch: group.meta.versionId } : {},
  );
}

function withAccount(extensions: readonly Extension[], account: Account): Extension[] {
  const same = (extension: Extension) =>
    extension.url === ACCOUNT &&
    codeIn(partOf(extension, 'kind')) === account.kind &&
    idIn(partOf(extension, 'provider'), 'Organization') === account.provider;
  const kept = extensions.filter((extension) => !same(extension));
  const others = account.preferred ? kept.map(notPreferred) : kept;
  return [...others, written(account)];
}

function notPreferred(extension: Extension): Extension {
  if (extension.url !== ACCOUNT) return extension;
  const parts = (extension.extension ?? []).filter((part) => part.url !== 'preferred');
  return { ...extension, extension: parts };
}

function written(account: Account): Extension {
  return {
    url: ACCOUNT,
    extension: [
      { url: 'kind', valueCode: account.kind },
      {
        url: 'provider',
        valueReference: { reference: `Organization/${account.provider}` },
      },
      { url: 'number', valueString: account.number },
      ...(account.holder ? [{ url: 'holder', valueString: account.holder }] : []),
      { url: 'preferred', valueBoolean: account.preferred },
    ],
  };
}

export const operations: readonly Operation[] = [{ definition, permission: LINK_ACCOUNT, run }];

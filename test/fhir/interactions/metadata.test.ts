/**
 * The CapabilityStatement is true: a request is made from every interaction, search parameter,
 * include, reverse include and operation that it declares, and none is refused as unknown; what it
 * does not declare is refused.
 */

import type {
  CapabilityStatement,
  CapabilityStatementRest,
  CapabilityStatementRestResource,
} from '@medplum/fhirtypes';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const AT_ONCE = 12;

/** A value that a search parameter of a type takes. */
const VALUES: Readonly<Record<string, string>> = {
  token: 'a|b',
  date: '2026-01-01',
  string: 'a',
  reference: 'Patient/a',
  quantity: '1',
  number: '1',
  uri: 'http://x',
  special: '1|2|3|km',
};

/** Places in which this server says that it does not know what it is asked. */
const UNKNOWN = [
  'search-parameter-unknown',
  'search-include',
  'operation-unknown',
  'path-unknown',
  'method-not-allowed',
  'type-unknown',
];

describe('the capability statement', () => {
  let house: TestHouse;
  let rest: CapabilityStatementRest;
  let types: CapabilityStatementRestResource[];
  before(async () => {
    house = await startTestHouse();
    const { json } = await house.fetch('metadata');
    rest = (json as CapabilityStatement).rest![0]!;
    types = rest.resource!;
  });
  after(() => house?.stop());

  /** Sends requests, some at a time; answers those that are refused for another status. */
  async function failing(
    paths: readonly string[],
    isFine: (answer: Answer) => boolean = ({ status }) => status === 200,
  ): Promise<string[]> {
    const failed: string[] = [];
    const left = [...paths];
    const caller = async (): Promise<void> => {
      for (let path = left.pop(); path !== undefined; path = left.pop()) {
        const answer = await house.fetch(path);
        if (!isFine(answer)) failed.push(`${path} ${answer.status} ${answer.text.slice(0, 200)}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, caller));
    return failed;
  }

  const codeOf = ({ json }: Answer): string => json?.issue?.[0]?.details?.coding?.[0]?.code ?? '';
  const isUnknown = (answer: Answer): boolean => UNKNOWN.includes(codeOf(answer));

  it('is valid, and names every type once', async () => {
    const { json } = await house.fetch('metadata');
    const issues = house.app.fhir.definitions.validate(json);
    expect(issues.filter((each) => each.severity === 'error')).to.deep.equal([]);
    expect(new Set(types.map((each) => each.type)).size).to.equal(types.length);
    for (const { type, searchParam } of types) {
      const names = searchParam!.map((each) => each.name);
      expect(new Set(names).size, type).to.equal(names.length);
    }
  });

  it('declares no search parameter that is refused', async function () {
    this.timeout(180_000);
    const paths = types.flatMap(({ type, searchParam }) =>
      searchParam!.map((each) => `${type}?_count=1&${each.name}=${sampleOf(type!, each.name!)}`),
    );
    expect(paths.length).to.be.greaterThan(2000);
    expect((await failing(paths)).join('\n')).to.equal('');
  });

  /** A value by the definition; of a composite one per part. */
  function sampleOf(type: string, code: string): string {
    const info = house.app.fhir.definitions.searchParameter(type, code);
    if (!info) return 'a';
    const parts = info.components.map((each) => VALUES[each.type]!);
    const value = info.type === 'composite' ? parts.join('$') : VALUES[info.type]!;
    return encodeURIComponent(value);
  }

  it('declares no include and no reverse include that is refused', async function () {
    this.timeout(120_000);
    // As many in one request as the server takes.
    const atOnce = 30;
    const paths = types.flatMap(({ type, searchInclude, searchRevInclude = [] }) => [
      ...chunks(searchInclude!, atOnce).map(
        (some) => `${type}?_id=none&${some.map((each) => `_include=${each}`).join('&')}`,
      ),
      ...chunks(searchRevInclude, atOnce).map(
        (some) => `${type}?_id=none&${some.map((each) => `_revinclude=${each}`).join('&')}`,
      ),
    ]);
    expect((await failing(paths)).join('\n')).to.equal('');
    const declared = types.flatMap(({ type, searchInclude }) =>
      searchInclude!.filter((each) => each !== '*' && !each.startsWith(`${type}:`)),
    );
    expect(declared).to.deep.equal([]);
  });

  it('declares no interaction that is not there', async function () {
    this.timeout(120_000);
    const paths = types.flatMap(({ type }) => [
      `${type}/none`,
      `${type}/none/_history`,
      `${type}/none/_history/1`,
      `${type}/_history?_count=1`,
      `${type}?_count=1`,
    ]);
    expect((await failing(paths, (answer) => !isUnknown(answer))).join('\n')).to.equal('');
    for (const { type, interaction } of types) {
      const codes = interaction!.map((each) => each.code);
      expect(codes, type).to.include.members(['create', 'update', 'patch', 'delete', 'vread']);
    }
    expect(rest.interaction!.map((each) => each.code)).to.have.members([
      'transaction',
      'batch',
      'search-system',
      'history-system',
    ]);
    for (const path of ['?_type=Patient,Basic&_id=a', '_history?_count=1']) {
      expect((await house.fetch(path)).status, path).to.equal(200);
    }
  });

  it('takes what it says of writes: create, update, patch, delete, with conditions', async function () {
    this.timeout(120_000);
    const failed: string[] = [];
    for (const { type } of types) {
      const wrong = { resourceType: type, id: 'x', noSuchElement: 1 };
      const asks: [string, string, unknown][] = [
        ['POST', type!, wrong],
        ['PUT', `${type}/x`, wrong],
        ['PUT', `${type}?_id=x`, wrong],
        ['PATCH', `${type}/none`, []],
        ['PATCH', `${type}?_id=none`, []],
        ['DELETE', `${type}/none`, undefined],
        ['DELETE', `${type}?_id=none`, undefined],
      ];
      for (const [method, path, body] of asks) {
        const contentType = method === 'PATCH' ? 'application/json-patch+json' : undefined;
        const headers: Record<string, string> = contentType ? { 'content-type': contentType } : {};
        const answer = await house.fetch(path, { method, body, headers });
        const wanted = { POST: 422, PUT: 422, PATCH: 404, DELETE: 204 }[method];
        if (answer.status !== wanted) failed.push(`${method} ${path} ${answer.status}`);
      }
    }
    expect(failed).to.deep.equal([]);
  });

  it('declares no operation that is not there', async () => {
    const keys = [...house.app.fhir.operations.keys()];
    const failed: string[] = [];
    const declared = [
      ...rest.operation!.map((each) => ['', each.name!]),
      ...types.flatMap(({ type, operation = [] }) =>
        operation.map((each) => [`${type}/`, each.name!]),
      ),
    ];
    for (const [place, name] of declared) {
      const [own, foreign] = [`${place}$${name}`, `${place}[id]/$${name}`];
      const generic = (key: string): string => key.replace(/^[A-Z]\w*\//, 'Resource/');
      const key = [own, foreign, generic(own), generic(foreign)].find((each) =>
        keys.includes(each),
      );
      const path = key
        ? key.startsWith('Resource/')
          ? key.includes('[id]')
            ? foreign
            : own
          : key
        : keys.find((each) => each.endsWith(`/$${name}`));
      const answer = await house.fetch((path ?? own!).replace('[id]', 'none'), {
        body: { resourceType: 'Parameters' },
      });
      if (isUnknown(answer) || answer.status >= 500) {
        failed.push(`${path} ${answer.status} ${answer.text.slice(0, 200)}`);
      }
    }
    expect(declared.length).to.be.greaterThan(500);
    expect(failed).to.deep.equal([]);
  });

  it('leaves nothing out that is there', () => {
    const { definitions, operations, projected } = house.app.fhir;
    for (const { type, searchParam, operation = [] } of types) {
      const names = searchParam!.map((each) => each.name);
      const known = definitions.searchParameters(type!).map((each) => each.code);
      // Of a type that rooms show, the test of what is refused tells the rest.
      if (!projected.has(type!)) expect(names, type).to.include.members([...known, '_list']);
      for (const [key, { definition }] of operations) {
        if (!key.startsWith(`${type}/`) && !key.startsWith('Resource/')) continue;
        expect(operation.map((each) => each.name)).to.include(definition.code);
      }
    }
  });

  it('is the whole truth: what it does not declare is refused', async function () {
    this.timeout(120_000);
    const refused = (answer: Answer): boolean => answer.status >= 400 && isUnknown(answer);
    const paths = types.flatMap(({ type }) => [
      `${type}?no-such-parameter=1`,
      `${type}?_filter=a eq b`,
      `${type}?_include=${type}:no-such-parameter`,
      `${type}?_revinclude=Patient:no-such-parameter`,
      `${type}/$no-such-operation`,
    ]);
    for (const type of house.app.fhir.projected.keys()) {
      const declared = types.find((each) => each.type === type)!.searchParam!;
      const names = new Set(declared.map((each) => each.name));
      for (const { code } of house.app.fhir.definitions.searchParameters(type)) {
        if (!names.has(code)) paths.push(`${type}?${code}=${sampleOf(type, code)}`);
      }
    }
    expect((await failing(paths, refused)).join('\n')).to.equal('');
    const others = ['$no-such-operation', 'NoSuchType', 'NoSuchType/1', 'Patient/1/2/3/4/5', 'no'];
    expect((await failing(others, refused)).join('\n')).to.equal('');
    const put = await house.fetch('_history', { method: 'PUT', body: {} });
    expect(put.status).to.be.oneOf([404, 405]);
  });

  it('is told again as OpenAPI, valid and with the same paths', async function () {
    this.timeout(60_000);
    const answer = await fetch(`${house.base}/openapi.json`);
    expect(answer.status).to.equal(200);
    const description = (await answer.json()) as Json;
    const { valid, errors } = await new Validator().validate(structuredClone(description));
    expect(valid, JSON.stringify(errors)?.slice(0, 500)).to.equal(true);
    const paths = Object.keys(description.paths);
    for (const { type } of types) {
      expect(paths).to.include.members([`/${type}`, `/${type}/{id}`, `/${type}/_search`]);
    }
    const references = new Set(JSON.stringify(description).match(/#\/components\/[^"]+/g));
    for (const each of references) {
      const [, , kind = '', name = ''] = each.split('/');
      expect(description.components[kind], each).to.have.property(name);
    }
    const patient = description.paths['/Patient'].get.parameters.map(
      (each: Json) => description.components.parameters[each.$ref.split('/').at(-1)].name,
    );
    const declared = types.find((each) => each.type === 'Patient')!.searchParam!;
    expect(patient).to.include.members(declared.map((each) => each.name));
  });

  it('is joined by the SMART configuration, whose endpoints are there', async () => {
    const url = `${house.base}/.well-known/smart-configuration`;
    const configuration = (await (await fetch(url)).json()) as Json;
    expect(configuration.capabilities).to.include('client-confidential-asymmetric');
    expect(configuration.code_challenge_methods_supported).to.deep.equal(['S256']);
    // What SMART asks of who takes clients that sign.
    expect(configuration.token_endpoint_auth_methods_supported).to.include('private_key_jwt');
    expect(configuration.token_endpoint_auth_signing_alg_values_supported).to.include.members([
      ...['RS384', 'ES384'],
    ]);
    expect(configuration.scopes_supported).to.include('system/*.cruds');
    expect(configuration.response_types_supported).to.deep.equal(['code']);
    const keys = (await (await fetch(configuration.jwks_uri)).json()) as Json;
    expect(keys.keys.length).to.be.greaterThan(0);
    const token = await fetch(configuration.token_endpoint, { method: 'POST' });
    expect(token.status).to.be.oneOf([400, 401]);
  });
});

function chunks<Item>(list: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) =>
    list.slice(at * size, (at + 1) * size),
  );
}

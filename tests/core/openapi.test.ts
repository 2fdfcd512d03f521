import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Validator } from '@seriousme/openapi-schema-validator';
import * as v from 'valibot';
import { beforeEach, describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../src/core/errors.ts';
import { createDocument } from '../../src/core/http/openapi-document.ts';
import { SHARED_ERRORS } from '../../src/core/http/route.ts';
import { executeEnvelope } from '../../src/core/schemas.ts';
import { codeExecution } from '../../src/tools/code-execution.ts';
import { useApp } from '../support/app-fixture.ts';
import { type ApiDocument, loadDocument, operationsOf, shapesOf } from '../support/openapi.ts';

const fixture = useApp();
let document: ApiDocument;

beforeEach(async () => {
  document = await loadDocument((path) => fixture.request(path));
});

async function officialProblems(subject: object): Promise<readonly unknown[]> {
  const { errors = [] } = await new Validator().validate(structuredClone(subject) as Record<string, unknown>);
  return typeof errors === 'string' ? [errors] : errors;
}

async function redoclyProblems(subject: object): Promise<readonly string[]> {
  // It would take the members that only one half of an `allOf` names for unknown; the examples' own test knows better.
  const examples = { severity: 'error', allowAdditionalProperties: true } as const;
  const rules = { 'no-invalid-media-type-examples': examples };
  const config = await createConfig({ extends: ['recommended'], rules });
  const problems = await lintFromString({ source: JSON.stringify(subject), config });
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`);
}

describe('/openapi.json is OpenAPI 3.1', () => {
  it('to the official schema', async () => {
    expect(await officialProblems(document)).toEqual([]);
    expect(document.openapi).toMatch(/^3\.1\./);
  });

  it('to Redocly’s own reading, references and examples included', async () => {
    expect(await redoclyProblems(document)).toEqual([]);
  });

  it('and both see what is none', async () => {
    const health = document.paths['/healthz'];
    const { responses: _responses, ...broken } = {
      ...health?.get,
      parameters: [{ in: 'nowhere', name: 'x' }],
    };
    const paths = { ...document.paths, '/healthz': { get: broken } };
    expect(await officialProblems({ ...document, paths })).not.toEqual([]);
    expect(await redoclyProblems({ ...document, paths })).not.toEqual([]);
    const { Limits: _limits, ...schemas } = document.components.schemas;
    const dangling = { ...document, components: { ...document.components, schemas } };
    expect((await redoclyProblems(dangling)).join()).toContain('no-unresolved-refs');
  });
});

describe('/openapi.json', () => {
  it('has every route, each operation named once', () => {
    expect(operationsOf(document).map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /tools/execute',
      'POST /run',
      'GET /tools',
      'GET /jobs',
      'GET /jobs/{id}',
      'DELETE /jobs/{id}',
      'GET /jobs/{id}/events',
      'GET /artifacts/{sessionId}/{jobId}/{filename}',
      'HEAD /artifacts/{sessionId}/{jobId}/{filename}',
      'GET /healthz',
      'GET /readyz',
      'GET /metrics',
      'GET /openapi.json',
    ]);
    const ids = operationsOf(document).map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('names the service’s own address, and this version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(document.info.version).toBe(version);
    expect(document.servers).toEqual([{ url: 'http://127.0.0.1:8080' }]);
    await fixture.open({ guard: { publicUrl: 'https://tools.example.com/aa' } });
    const { servers } = await loadDocument((path) => fixture.request(path));
    expect(servers).toEqual([{ url: 'https://tools.example.com/aa' }]);
  });

  it('says of each operation every shared error, and what headers go with it', () => {
    for (const { path, method, operation } of operationsOf(document)) {
      for (const code of SHARED_ERRORS) {
        const response = operation.responses[ERROR_TABLE[code].status];
        expect(response?.description, `${method} ${path}`).toContain(`\`${code}\``);
      }
      for (const [status, { headers }] of Object.entries(operation.responses)) {
        expect(headers, `${method} ${path} ${status}`).toHaveProperty('X-Request-Id');
        expect('Retry-After' in headers, `${method} ${path} ${status}`).toBe(['429', '503'].includes(status));
      }
    }
  });

  it('every answer with a body has an example that is as its schema says, with no member beyond', () => {
    const shapes = shapesOf(document, { strict: true });
    for (const { path, method, operation } of operationsOf(document)) {
      const bodies = [operation.requestBody, ...Object.values(operation.responses)];
      for (const [type, media] of bodies.flatMap((body) => Object.entries(body?.content ?? {}))) {
        if (type === '*/*' || path === '/openapi.json') continue;
        const examples = [media.example, ...Object.values(media.examples ?? {}).map(({ value }) => value)];
        const shown = examples.filter((example) => example !== undefined);
        expect(shown.length, `${method} ${path} ${type}`).toBeGreaterThan(0);
        for (const example of shown) {
          expect(shapes.problems(media.schema, example), `${method} ${path} ${type}`).toEqual([]);
        }
      }
    }
  });

  it('the examples of requests run', async () => {
    const media = document.paths['/tools/execute']?.post?.requestBody?.content['application/json'];
    const examples = Object.values(media?.examples ?? {}).map(({ value }) => value);
    expect(examples.length).toBeGreaterThan(1);
    for (const example of examples) {
      const response = await fixture.request('/tools/execute', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...(example as object), args: ['[]'] }),
      });
      expect(response.status).toBe(200);
    }
  });

  it('execute takes one of the tools, each with the fields of its own schema; /run takes code_execution', () => {
    const { schemas } = document.components;
    const execute = document.paths['/tools/execute']?.post?.requestBody?.content['application/json']?.schema;
    const ref = '#/components/schemas/code_execution_request';
    expect(execute).toEqual({
      oneOf: [{ $ref: ref }],
      discriminator: { propertyName: 'tool', mapping: { code_execution: ref } },
    });
    const run = document.paths['/run']?.post?.requestBody?.content['application/json']?.schema;
    const own = Object.keys(codeExecution.input.entries);
    expect(Object.keys(schemas.code_execution_request?.properties ?? {}).sort()).toEqual(
      [...own, 'tool', 'sessionId'].sort(),
    );
    expect(Object.keys(run?.properties ?? {}).sort()).toEqual([...own, 'sessionId'].sort());
    expect(run).toMatchObject({ required: ['sessionId', 'language', 'code'], additionalProperties: false });
  });

  it('a key stands in for nothing where none is asked for, and a signature for one at artifacts', async () => {
    const security = ({ paths }: ApiDocument, path: string) => paths[path]?.get?.security;
    const artifact = '/artifacts/{sessionId}/{jobId}/{filename}';
    expect(security(document, '/jobs')).toEqual([{}, { bearer: [] }]);
    const key = 'a-key-of-24-characters-or-more';
    await fixture.open({ keys: [{ name: 'anna', key }] });
    const headers = { Authorization: `Bearer ${key}` };
    const keyed = await loadDocument((path) => fixture.request(path, { headers }));
    expect(security(keyed, '/jobs')).toEqual([{ bearer: [] }]);
    expect(security(keyed, '/healthz')).toEqual([{}, { bearer: [] }]);
    expect(security(keyed, artifact)).toEqual([{ bearer: [] }, { signedUrl: [] }]);
    expect((await fixture.request('/openapi.json')).status).toBe(401);
  });
});

describe('a tool whose input is a choice', () => {
  it('takes session and name beside each choice', () => {
    const input = v.variant('kind', [
      v.strictObject({ kind: v.literal('a'), a: v.string() }),
      v.strictObject({ kind: v.literal('b'), b: v.number() }),
    ]);
    const route = {
      path: '/x',
      methods: {
        POST: {
          id: 'x',
          summary: 'x',
          body: { envelope: executeEnvelope },
          answers: [],
          errors: [],
          handle: () => new Response(),
        },
      },
    };
    const tool = { ...codeExecution, name: 'choice', input };
    const made = createDocument([route], [tool as never], false) as unknown as ApiDocument;
    const shapes = shapesOf(made);
    const schema = { $ref: '#/components/schemas/choice_request' };
    const request = { tool: 'choice', sessionId: 's' };
    expect(shapes.problems(schema, { ...request, kind: 'a', a: 'x' })).toEqual([]);
    expect(shapes.problems(schema, { ...request, kind: 'b', b: 1 })).toEqual([]);
    expect(shapes.problems(schema, { ...request, kind: 'b', a: 'x' })).not.toEqual([]);
    expect(shapes.problems(schema, { kind: 'a', a: 'x' })).not.toEqual([]);
  });
});

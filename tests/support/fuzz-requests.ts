import fc from 'fast-check';
import { type ApiDocument, operationsOf, type PlacedOperation } from './openapi.ts';
import { mangled, toArbitrary } from './schema-arbitrary.ts';

/** A request that was made up; places of its path are filled in when it's sent. */
export interface FuzzRequest {
  /** As the document writes it. */
  readonly template: string;
  readonly method: string;
  /** By the parameter's name: percent-encoded text, or which of the known values to take. */
  readonly path: Readonly<Record<string, string | { readonly known: number }>>;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds after which the client goes away; absent: it stays. */
  readonly leavesAfter?: number;
}

const headerValue = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_/;,*="'), maxLength: 20 });

/** What the fake engine does, and an argument like any other to a real program. */
const STEPS = ['[{"stdout":"hello"}]', '[{"stdout":"hello"},{"sleep":200}]'];
/** Programs that do something, among those that are noise. */
const PROGRAMS = ['echo hello > out.txt', 'print(1)', 'exit 3', 'sleep 0.2', 'console.log(process.argv)'];

/** Requests to every operation of the document: right ones, ones with one thing wrong, and noise. */
export function fuzzRequests(document: ApiDocument, keys: readonly string[]): fc.Arbitrary<FuzzRequest> {
  const of = (weight: number, placed: PlacedOperation): fc.WeightedArbitrary<FuzzRequest> => ({
    weight,
    arbitrary: toRequest(placed, document, keys),
  });
  const all = operationsOf(document).filter(({ path }) => path !== '/openapi.json');
  return fc.oneof(...all.map((placed) => of(placed.method === 'POST' ? 6 : 2, placed)));
}

function toRequest(
  placed: PlacedOperation,
  document: ApiDocument,
  keys: readonly string[],
): fc.Arbitrary<FuzzRequest> {
  const { operation, method } = placed;
  const inPlace = (place: string) => operation.parameters.filter((parameter) => parameter.in === place);
  const path = fc.record(
    Object.fromEntries(inPlace('path').map(({ name, schema }) => [name, toPathPart(schema, document)])),
  );
  const query = fc.record(
    Object.fromEntries(inPlace('query').map(({ name, schema }) => [name, toText(schema, document)])),
    { requiredKeys: [] },
  );
  const unknownQuery = fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), {
    maxKeys: 1,
  });
  const headers = fc.record(Object.fromEntries(inPlace('header').map(({ name }) => [name, toHeader(name)])), {
    requiredKeys: [],
  });
  return fc
    .record({
      path,
      query: fc.oneof({ weight: 5, arbitrary: query }, { weight: 1, arbitrary: unknownQuery }),
      headers,
      accept: fc.constantFrom(undefined, undefined, 'text/event-stream', '*/*', 'application/json', ';q=x'),
      type: fc.oneof(
        { weight: 12, arbitrary: fc.constant('application/json') },
        { weight: 1, arbitrary: headerValue },
      ),
      key: fc.oneof(
        { weight: 15, arbitrary: fc.constantFrom(...keys) },
        { weight: 1, arbitrary: headerValue },
      ),
      body: toBody(placed, document),
      verb: fc.oneof(
        { weight: 25, arbitrary: fc.constant(method) },
        { weight: 1, arbitrary: fc.constantFrom('PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST', 'HEAD') },
      ),
      leavesAfter: fc.oneof(
        { weight: 12, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.nat(400) },
      ),
    })
    .map(({ accept, type, key, body, verb, leavesAfter, ...rest }) => ({
      template: placed.path,
      method: verb,
      path: rest.path as FuzzRequest['path'],
      query: new URLSearchParams(rest.query as Record<string, string>).toString(),
      headers: {
        ...(rest.headers as Record<string, string>),
        Authorization: `Bearer ${key}`,
        ...(accept === undefined ? {} : { Accept: accept }),
        ...(body === undefined ? {} : { 'Content-Type': type }),
      },
      ...(body === undefined || verb === 'HEAD' || verb === 'GET' ? {} : { body }),
      ...(leavesAfter === undefined ? {} : { leavesAfter }),
    }));
}

function toPathPart(
  schema: Readonly<Record<string, unknown>>,
  document: ApiDocument,
): fc.Arbitrary<string | { known: number }> {
  const encoded = (text: string): string => encodeURIComponent(text.toWellFormed()) || 'x';
  return fc.oneof(
    { weight: 3, arbitrary: fc.nat(1000).map((known) => ({ known })) },
    { weight: 1, arbitrary: toText(schema, document).map(encoded) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('%ff', '%00', 'a%0d%0ab', '..%2f..%2fx', '%252e', '%zz', 'stdout'),
    },
  );
}

function toText(schema: Readonly<Record<string, unknown>>, document: ApiDocument): fc.Arbitrary<string> {
  const right = toArbitrary(schema, document).map(String);
  return fc.oneof({ weight: 3, arbitrary: right }, { weight: 1, arbitrary: fc.string({ maxLength: 10 }) });
}

function toHeader(name: string): fc.Arbitrary<string> {
  const known: Readonly<Record<string, readonly string[]>> = {
    Prefer: ['respond-async', 'wait=10'],
    'Idempotency-Key': ['k1', 'k2', 'k3'],
    'Last-Event-ID': ['0', '3', '99999'],
    Range: ['bytes=0-0', 'bytes=-1', 'bytes=5-2', 'bytes=0-0,1-1'],
  };
  return fc.oneof(headerValue, fc.constantFrom(...(known[name] ?? ['x'])));
}

function toBody({ operation }: PlacedOperation, document: ApiDocument): fc.Arbitrary<string | undefined> {
  const schema = operation.requestBody?.content['application/json']?.schema;
  if (schema === undefined) return fc.constant(undefined);
  const right = toArbitrary(schema, document);
  // Left out by JSON: what would be refused for reasons that the schema can't say.
  const plain = { filename: undefined, files: undefined, env: undefined };
  const working = fc
    .record({
      code: fc.constantFrom(...PROGRAMS),
      sessionId: fc.constantFrom('s1', 's2'),
      args: fc.constantFrom(...STEPS).map((steps) => [steps]),
    })
    .chain((fields) => right.map((value) => ({ ...(value as object), ...plain, ...fields })));
  const json = fc.oneof(right, working, mangled(right), fc.jsonValue()).map((value) => JSON.stringify(value));
  return fc.oneof(
    { weight: 12, arbitrary: json },
    { weight: 1, arbitrary: fc.tuple(json, fc.nat(50)).map(([text, end]) => text.slice(0, end)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '['.repeat(50_000), '{"__proto__":{"x":1},"sessionId":"s1"}'),
    },
  );
}

import { describe, expect, it } from 'vitest';
import { useApp } from '../support/app-fixture.ts';

const KEY = 'anna-0123456789abcdef012345';

const app = useApp();

interface Refusal {
  readonly message: string;
  readonly issues: readonly { readonly path: string; readonly message: string }[];
}

async function refusal(response: Response): Promise<Refusal> {
  expect(response.status).toBe(400);
  const { error } = (await response.json()) as { error: Refusal & { code: string } };
  expect(error.code).toBe('invalid_request');
  return { message: error.message, issues: error.issues };
}

describe('what is wrong is called by the name that it has where it stands', () => {
  it('a field of the body', async () => {
    expect(await refusal(await app.run([], { fields: { colour: 'red' } }))).toEqual({
      message: 'colour: Is no field of this tool: remove it.',
      issues: [{ path: 'colour', message: 'Is no field of this tool: remove it.' }],
    });
  });

  it('the whole body', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const { message, issues } = await refusal(
      await app.request('/run', { method: 'POST', headers, body: '[]' }),
    );
    expect(message).toMatch(/^The body: Must be an object/);
    expect(issues[0]?.path).toBe('');
  });

  it('a header', async () => {
    const keyed = await refusal(await app.run([], { headers: { 'Idempotency-Key': 'a b' } }));
    expect(keyed.message).toMatch(/^Idempotency-Key: Is no key: /);
    expect(keyed.issues.map(({ path }) => path)).toEqual(['Idempotency-Key']);
    const { id } = (await (await app.run([])).json()) as { id: string };
    const after = { headers: { 'Last-Event-ID': 'x' } };
    const followed = await refusal(await app.request(`/jobs/${id}/events`, after));
    expect(followed.message).toMatch(/^Last-Event-ID: Is no event id: /);
    expect(followed.issues.map(({ path }) => path)).toEqual(['Last-Event-ID']);
  });
});

describe('a query parameter that stands twice', () => {
  it('is refused by name on every route that takes it', async () => {
    await app.open({ keys: [{ name: 'anna', key: KEY }] });
    const headers = { Authorization: `Bearer ${KEY}` };
    const answer = await app.run([{ stdout: 'x' }], { headers });
    const { artifacts } = (await answer.json()) as { artifacts: { outputs: { stdout: string } } };
    const { pathname, search } = new URL(artifacts.outputs.stdout);
    expect((await app.request(`${pathname}${search}`)).status).toBe(200);
    const twice = [
      ['/readyz?verbose&verbose', 'verbose'],
      [`${pathname}${search}&exp=9`, 'exp'],
      [`${pathname}${search}&s%69g=x`, 'sig'],
    ] as const;
    for (const [path, name] of twice) {
      expect((await refusal(await app.request(path))).issues.map((issue) => issue.path)).toEqual([name]);
    }
    expect((await app.request(`${pathname}${search}&utm=1&utm=2`)).status).toBe(200);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createUrlSigner } from '../../src/core/url-signer.ts';

const JOB = { sessionId: 's', jobId: 'j' };
const SECRET = new Uint8Array(32).fill(1);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a signed query', () => {
  it('opens its artifact until it expires', async () => {
    const signer = await createUrlSigner(SECRET, 60);
    const query = new URLSearchParams(await signer.sign(JOB, 'a/b.txt'));
    expect(query.get('exp')).toBe('1000000060');
    expect(await signer.verify(JOB, 'a/b.txt', query)).toBe(true);
    vi.setSystemTime(1_000_000_059_999);
    expect(await signer.verify(JOB, 'a/b.txt', query)).toBe(true);
    vi.setSystemTime(1_000_000_060_000);
    expect(await signer.verify(JOB, 'a/b.txt', query)).toBe(false);
  });

  it('opens nothing else, and not once it was touched', async () => {
    const signer = await createUrlSigner(SECRET, 60);
    const query = await signer.sign(JOB, 'a');
    const verify = (change: (query: URLSearchParams) => void, name = 'a', job = JOB): Promise<boolean> => {
      const changed = new URLSearchParams(query);
      change(changed);
      return signer.verify(job, name, changed);
    };
    const same = (): void => {};
    expect(await verify(same)).toBe(true);
    expect(await verify(same, 'b')).toBe(false);
    expect(await verify(same, 'a', { sessionId: 's', jobId: 'k' })).toBe(false);
    expect(await verify(same, 'a', { sessionId: 't', jobId: 'j' })).toBe(false);
    expect(await verify((q) => q.set('exp', '1999999999'))).toBe(false);
    expect(await verify((q) => q.set('exp', 'NaN'))).toBe(false);
    expect(await verify((q) => q.delete('exp'))).toBe(false);
    expect(await verify((q) => q.delete('sig'))).toBe(false);
    expect(await verify((q) => q.set('sig', `${q.get('sig')}A`))).toBe(false);
    expect(await verify((q) => q.set('sig', ''))).toBe(false);
  });

  it('of another secret is worth nothing', async () => {
    const other = await createUrlSigner(new Uint8Array(32).fill(2), 60);
    const query = new URLSearchParams(await other.sign(JOB, 'a'));
    expect(await (await createUrlSigner(SECRET, 60)).verify(JOB, 'a', query)).toBe(false);
  });
});

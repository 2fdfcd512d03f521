import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createApiKeys } from '../../src/core/api-keys.ts';
import { AppError } from '../../src/core/errors.ts';

const ANNA = 'annas-key-of-24-characters-or-more';
const BO = 'bos-key-of-24-characters-or-more';
const SETTINGS = [
  { name: 'anna', key: ANNA },
  { name: 'bo', sha256: createHash('sha256').update(BO).digest('hex') },
];

async function callerOf(authorization: string | undefined): Promise<string> {
  const keys = await createApiKeys(SETTINGS);
  const headers = authorization === undefined ? {} : { Authorization: authorization };
  try {
    return (await keys.authenticate(new Request('http://x/', { headers }))).name ?? 'nobody';
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.headers).toEqual({ 'WWW-Authenticate': 'Bearer' });
    return error.code;
  }
}

describe('keys', () => {
  it('name their holders, whether written plainly or as a hash', async () => {
    expect(await callerOf(`Bearer ${ANNA}`)).toBe('anna');
    expect(await callerOf(`bearer ${BO}`)).toBe('bo');
  });

  it.each([
    ['none', undefined],
    ['an empty one', 'Bearer '],
    ['a wrong one', 'Bearer x'],
    ['the beginning of one', `Bearer ${ANNA.slice(0, -1)}`],
    ['more than one', `Bearer ${ANNA}x`],
    ['two', `Bearer ${ANNA} ${BO}`],
    ['a hash in place of its key', `Bearer ${SETTINGS[1]?.sha256}`],
    ['another scheme', `Basic ${btoa(`anna:${ANNA}`)}`],
  ])('%s is unauthorized', async (_, authorization) => {
    expect(await callerOf(authorization)).toBe('unauthorized');
  });

  it('are asked of nobody where there are none', async () => {
    const keys = await createApiKeys([]);
    expect(keys.required).toBe(false);
    expect(await keys.authenticate(new Request('http://x/'))).toEqual({ name: undefined });
  });

  it('of one name are one caller', async () => {
    const keys = await createApiKeys([...SETTINGS, { name: 'anna', key: `${ANNA}-new` }]);
    const request = new Request('http://x/', { headers: { Authorization: `Bearer ${ANNA}-new` } });
    expect(await keys.authenticate(request)).toEqual({ name: 'anna' });
  });
});

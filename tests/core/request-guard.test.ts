import { describe, expect, it } from 'vitest';
import { type GuardOptions, guardHost, guardOrigin } from '../../src/core/request-guard.ts';

const OPTIONS: GuardOptions = { allowedHosts: [], corsOrigins: [], publicUrl: undefined };
const OWN = 'http://127.0.0.1:8080';

function request(path: string, headers: Record<string, string> = {}, method = 'GET'): Request {
  return new Request(`${OWN}${path}`, { method, headers });
}

function codeOf(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'passed';
}

describe('Host', () => {
  const guard = (host: string, options: Partial<GuardOptions> = {}): string =>
    codeOf(() => guardHost(request('/', { host }), { ...OPTIONS, ...options }));

  it.each(['127.0.0.1:8080', 'localhost', 'LOCALHOST:1', '[::1]:8080', '127.1.2.3'])(
    '%s is this machine',
    (host) => {
      expect(guard(host)).toBe('passed');
    },
  );

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1:8080',
    '[::2]',
    '0.0.0.0',
  ])('%s is refused', (host) => {
    expect(guard(host)).toBe('host_refused');
  });

  it.each([
    '',
    '[',
    'a b',
    'x:99999',
    'x:',
    'x:80:80',
    'u@127.0.0.1',
    'a/b',
    'x'.repeat(8192),
    '[::1',
    '::1',
  ])('%j is no host', (host) => {
    expect(guard(host)).toBe('invalid_request');
  });

  it('a listed name passes on any port, and no other', () => {
    expect(guard('tools.example.com:9', { allowedHosts: ['tools.example.com'] })).toBe('passed');
    expect(guard('x.tools.example.com', { allowedHosts: ['tools.example.com'] })).toBe('host_refused');
  });

  it('the host of PUBLIC_URL passes', () => {
    expect(guard('tools.example.com', { publicUrl: 'https://tools.example.com/x' })).toBe('passed');
  });

  it('gives the origin by which the request came', () => {
    expect(guardHost(request('/', { host: 'LocalHost:81' }), OPTIONS)).toBe('http://localhost:81');
    expect(guardHost(request('/'), OPTIONS)).toBe(OWN);
  });
});

describe('Origin', () => {
  const guard = (
    headers: Record<string, string>,
    options: Partial<GuardOptions> = {},
    path = '/tools',
  ): string => codeOf(() => guardOrigin(request(path, headers), OWN, { ...OPTIONS, ...options }));
  const LISTED = { corsOrigins: ['https://chat.example.com'] };

  it('absent passes: no browser sent it', () => {
    expect(guard({})).toBe('passed');
  });

  it('our own passes, by request and by PUBLIC_URL', () => {
    expect(guard({ origin: OWN })).toBe('passed');
    expect(guard({ origin: 'https://t.example.com' }, { publicUrl: 'https://t.example.com/x' })).toBe(
      'passed',
    );
  });

  it.each(['https://evil.example', 'null', 'http://127.0.0.1:8081', 'https://127.0.0.1:8080', ''])(
    '%j is refused',
    (origin) => {
      expect(guard({ origin })).toBe('origin_refused');
    },
  );

  it('a listed one passes, and none that looks like it', () => {
    expect(guard({ origin: 'https://chat.example.com' }, LISTED)).toBe('passed');
    expect(guard({ origin: 'https://chat.example.com.evil.example' }, LISTED)).toBe('origin_refused');
    expect(guard({ origin: 'http://chat.example.com' }, LISTED)).toBe('origin_refused');
  });

  it('is refused on artifacts too: a followed link sends none', () => {
    expect(guard({ origin: 'https://evil.example' }, {}, '/artifacts/s/j/x')).toBe('origin_refused');
  });
});

describe('Sec-Fetch', () => {
  const guard = (
    path: string,
    headers: Record<string, string>,
    options: Partial<GuardOptions> = {},
    method = 'GET',
  ): string => codeOf(() => guardOrigin(request(path, headers, method), OWN, { ...OPTIONS, ...options }));
  const FOLLOWED = {
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  };

  it.each(['same-origin', 'none'])('%s passes', (site) => {
    expect(guard('/tools', { 'sec-fetch-site': site })).toBe('passed');
  });

  it.each(['cross-site', 'same-site'])('%s is refused outside of artifacts', (site) => {
    expect(guard('/tools', { ...FOLLOWED, 'sec-fetch-site': site })).toBe('origin_refused');
  });

  it('a link to an artifact may be followed from another site', () => {
    expect(guard('/artifacts/s/j/plot.png', FOLLOWED)).toBe('passed');
    expect(guard('/artifacts/s/j/plot.png', FOLLOWED, {}, 'HEAD')).toBe('passed');
  });

  it.each([
    ['a frame', { ...FOLLOWED, 'sec-fetch-dest': 'iframe' }],
    ['a picture', { ...FOLLOWED, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['a script', { ...FOLLOWED, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' }],
  ])('%s of another site may not embed it', (_, headers) => {
    expect(guard('/artifacts/s/j/plot.png', headers)).toBe('origin_refused');
  });

  it('no method but GET and HEAD counts as following', () => {
    expect(guard('/artifacts/s/j/plot.png', FOLLOWED, {}, 'POST')).toBe('origin_refused');
  });

  it('a listed site embeds by its Referer', () => {
    const headers = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'no-cors',
      'sec-fetch-dest': 'image',
    };
    const options = { corsOrigins: ['https://chat.example.com'] };
    const from = (referer: string): string => guard('/artifacts/s/j/p.png', { ...headers, referer }, options);
    expect(from('https://chat.example.com/room/1')).toBe('passed');
    expect(from('https://evil.example/?https://chat.example.com')).toBe('origin_refused');
    expect(from('no url')).toBe('origin_refused');
  });
});

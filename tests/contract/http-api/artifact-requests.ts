import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, checkError, execute, type SubjectGetter } from './subject.ts';

const TEXT = '0123456789';

export function describeArtifactRequests(subject: SubjectGetter): void {
  describe('asking for an artifact', () => {
    let answer: Answer;
    let folder: string;
    let url: string;

    beforeAll(async () => {
      const code = `printf ${TEXT} > ten.txt; echo '<script>1</script>' > page.html; : > empty`;
      answer = await execute(subject(), { language: 'bash', code });
      folder = `/artifacts/${answer.sessionId}/${answer.id}`;
      url = `${folder}/ten.txt`;
    });

    const get = (range: string, more: Record<string, string> = {}) =>
      subject().fetch(url, { headers: { Range: range, ...more } });

    it('GET tells type, length, hash and how to save it', async () => {
      const response = await subject().fetch(url);
      expect(await response.text()).toBe(TEXT);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/plain; charset=utf-8',
        'content-length': '10',
        'content-disposition': 'attachment; filename="ten.txt"',
        'accept-ranges': 'bytes',
        etag: `"${answer.files.find(({ name }) => name === 'ten.txt')?.sha256}"`,
      });
    });

    it('HEAD tells the same as GET, without the body', async () => {
      const [head, full] = [await subject().fetch(url, { method: 'HEAD' }), await subject().fetch(url)];
      expect([await head.text(), await full.text()]).toEqual(['', TEXT]);
      const compared = ['content-type', 'content-length', 'content-disposition', 'etag', 'accept-ranges'];
      for (const name of compared) expect(head.headers.get(name), name).toBe(full.headers.get(name));
    });

    it('a page is harmless: saved, not sniffed, sandboxed', async () => {
      const response = await subject().fetch(`${folder}/page.html`);
      await response.body?.cancel();
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'content-disposition': expect.stringMatching(/^attachment/),
        'x-content-type-options': 'nosniff',
        'content-security-policy': "sandbox; default-src 'none'",
        'cross-origin-resource-policy': 'same-origin',
      });
    });

    it('the ETag that one has costs no body', async () => {
      const etag = (await subject().fetch(url, { method: 'HEAD' })).headers.get('etag') ?? '';
      for (const condition of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const response = await subject().fetch(url, { headers: { 'If-None-Match': condition } });
        expect([response.status, await response.text()], condition).toEqual([304, '']);
        expect(response.headers.get('etag')).toBe(etag);
      }
      const other = await subject().fetch(url, { headers: { 'If-None-Match': '"x"' } });
      expect([other.status, await other.text()]).toEqual([200, TEXT]);
    });

    it.each([
      ['bytes=0-0', '0', '0-0'],
      ['bytes=-1', '9', '9-9'],
      ['bytes=3-5', '345', '3-5'],
      ['bytes=7-', '789', '7-9'],
      ['bytes=5-9999', '56789', '5-9'],
      ['bytes=-9999', TEXT, '0-9'],
    ])('%s is a part', async (range, text, content) => {
      const response = await get(range);
      expect([response.status, await response.text()]).toEqual([206, text]);
      expect(response.headers.get('content-range')).toBe(`bytes ${content}/10`);
      expect(response.headers.get('content-length')).toBe(String(text.length));
    });

    it.each(['bytes=10-', 'bytes=99-100', 'bytes=5-2'])('%s lies outside: 416', async (range) => {
      const response = await get(range);
      const raw = { status: response.status, headers: response.headers, text: await response.text() };
      checkError(raw, 416, 'range_not_satisfiable');
      expect(response.headers.get('content-range')).toBe('bytes */10');
    });

    it.each(['lines=1-2', 'bytes', 'bytes=a-b'])(
      '%s is not understood and the whole comes',
      async (range) => {
        const response = await get(range);
        expect([response.status, await response.text()]).toEqual([200, TEXT]);
      },
    );

    it('a thousand ranges are one answer', async () => {
      const response = await get(
        `bytes=${Array.from({ length: 1000 }, (_, n) => `${n % 10}-${n % 10}`).join(',')}`,
      );
      const text = await response.text();
      expect(response.status).toBe(200);
      expect(text).toBe(TEXT);
    });

    it('If-Range: a part of the file that one has, else the whole', async () => {
      const etag = (await subject().fetch(url, { method: 'HEAD' })).headers.get('etag') ?? '';
      const same = await get('bytes=0-1', { 'If-Range': etag });
      expect([same.status, await same.text()]).toEqual([206, '01']);
      const other = await get('bytes=0-1', { 'If-Range': '"x"' });
      expect([other.status, await other.text()]).toEqual([200, TEXT]);
    });

    it('a range of an empty file can’t be had', async () => {
      const response = await subject().fetch(`${folder}/empty`, { headers: { Range: 'bytes=0-0' } });
      await response.body?.cancel();
      expect(response.status).toBe(416);
    });

    it.each([
      '/..%2f..%2f..%2fetc%2fpasswd',
      '/%2e%2e',
      '/..',
      '/.',
      '/',
      '/%252e%252e%252fx',
      '/..%5c..%5cx',
      '/%2fetc%2fpasswd',
      `/${'x'.repeat(5000)}`,
      '/TEN.TXT',
      '/ten.txt/',
    ])('%s: 404', async (path) => {
      checkError(await subject().raw({ path: `${folder}${path}` }), 404, 'not_found');
    });

    it.each(['/a%00.txt', '/a%0d%0aSet-Cookie:%20x', '/%ff', '/%zz', '/%u002e', '/%C0%AE%C0%AE%2fx'])(
      '%s: 400',
      async (path) => {
        const response = await subject().raw({ path: `${folder}${path}` });
        checkError(response, 400, 'invalid_request');
        expect(response.headers.get('set-cookie')).toBeNull();
      },
    );

    it('a session with an encoded slash: 400', async () => {
      checkError(await subject().raw({ path: '/artifacts/s1%2fj1/x/y' }), 400, 'invalid_request');
    });

    it('another session, half an id and an unknown job are all the same 404', async () => {
      const { sessionId, id } = answer;
      const unknown = await subject().raw({ path: `/artifacts/${sessionId}/${'0'.repeat(26)}/ten.txt` });
      const { requestId: _, ...expected } = checkError(unknown, 404, 'not_found');
      for (const path of [
        `${sessionId}x/${id}`,
        `${sessionId.slice(0, -1)}/${id}`,
        `${sessionId}/${id.slice(0, 13)}`,
      ]) {
        const response = await subject().raw({ path: `/artifacts/${path}/ten.txt` });
        expect(checkError(response, 404, 'not_found')).toMatchObject(expected);
        expect([...response.headers.keys()]).toEqual([...unknown.headers.keys()]);
      }
    });
  });
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const SOURCE = fileURLToPath(new URL('../support/event-source.ts', import.meta.url));
const HOSTS = [
  ['Node', process.execPath, ['--import', import.meta.resolve('tsx')]],
  ['Bun', fileURLToPath(new URL('../../node_modules/.bin/bun', import.meta.url)), ['run']],
] as const;

/** What comes over a connection until it is closed, chunk frames included. */
async function readRaw(url: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await once(socket, 'close');
  return text;
}

describe.each(HOSTS)('a stream whose source fails, on %s', (_, command, args) => {
  it('breaks its connection instead of ending the body, and the server serves on', async () => {
    const child = spawn(command, [...args, SOURCE], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(async () => {
      child.kill();
      await once(child, 'close');
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const url = String((await lines.next()).value);
    for (let n = 0; n < 2; n += 1) {
      const text = await readRaw(url);
      expect(text).toContain('\r\nTransfer-Encoding: chunked\r\n');
      expect(text).toContain('id: 1\n');
      expect(text).not.toContain('\r\n0\r\n');
      expect(text).not.toContain('secret');
      expect((await lines.next()).value).toBe('closed: true');
    }
  });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startService, waitUntilReady } from '../../scripts/lib/service.js';
import { makeFolder, portOf, serve } from './fixtures.ts';

const quiet = () => {};

function start(code: string) {
  return startService(process.execPath, ['-e', code], { cwd: makeFolder(), env: process.env });
}

describe('the service as a child process', () => {
  it('hands on its exit code', async () => {
    const service = start('process.exitCode = 7');
    expect(await service.ended).toBe(7);
    expect(service.hasEnded()).toBe(true);
  });

  it('gets the signal, and its death by one is 128+n', async () => {
    const service = start('setInterval(() => {}, 1000)');
    service.signal('SIGTERM');
    expect(await service.ended).toBe(143);
  });

  it('is waited for until it is ready, not merely until it listens', async () => {
    let asked = 0;
    const server = await serve(0, (_request, response) => {
      asked += 1;
      response.statusCode = asked < 4 ? 503 : 200;
      response.end('probing limits');
    });
    const service = start('setInterval(() => {}, 1000)');
    const notes: string[] = [];
    const state = await waitUntilReady(`http://127.0.0.1:${portOf(server)}`, service, (text) =>
      notes.push(text),
    );
    service.signal('SIGKILL');
    expect(state).toBe('ready');
    expect(notes).toContain('503 probing limits');
  });

  it('ends the wait when it ends itself', async () => {
    expect(await waitUntilReady('http://127.0.0.1:1', start('process.exitCode = 1'), quiet)).toBe('ended');
  });

  it('is stopped, with the last answer told, when it never becomes ready', async () => {
    const server = await serve(0, (_request, response) => {
      response.statusCode = 503;
      response.end('no image');
    });
    const service = start('setInterval(() => {}, 1000)');
    const wait = waitUntilReady(`http://127.0.0.1:${portOf(server)}`, service, quiet, 200);
    await expect(wait).rejects.toThrow(/503 no image/);
    expect(service.hasEnded()).toBe(true);
  });
});

describe('signals to start', () => {
  it('reach the service once, though the terminal and npm both deliver them', async () => {
    const folder = makeFolder();
    const lib = new URL('../../scripts/lib/service.js', import.meta.url).href;
    const child = `let n = 0; process.on('SIGTERM', () => { n += 1; setTimeout(() => process.exit(40 + n), 300); }); console.log('up'); setInterval(() => {}, 1000);`;
    const parent = `
      import { startService, forwardSignals } from ${JSON.stringify(lib)};
      const service = startService(process.execPath, ['-e', ${JSON.stringify(child)}], { cwd: '.', env: process.env });
      forwardSignals(service);
      process.exitCode = await service.ended;`;
    writeFileSync(join(folder, 'parent.mjs'), parent);
    const { spawn } = await import('node:child_process');
    const process_ = spawn(process.execPath, ['parent.mjs'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => process_.stdout.once('data', resolve));
    process_.kill('SIGTERM');
    process_.kill('SIGTERM');
    const code = await new Promise((resolve) => process_.once('exit', resolve));
    expect(code).toBe(41);
  });
});

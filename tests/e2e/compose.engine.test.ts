import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ComposeProject,
  expectDown,
  leftoversOf,
  makeComposeProject,
  ROOT,
  run,
  TOOLS,
  waitForReadyz,
} from '../support/compose-project.ts';
import { callEngine, containersOf, rememberEngine, titleFor } from '../support/engine.ts';
import { instanceIdOf } from '../support/instance-id.ts';
import { waitFor } from '../support/wait-for.ts';

interface Answer {
  readonly exitCode: number;
  readonly artifacts: { readonly outputs: Readonly<Record<string, string>> };
}

/** The request of README's chapter on containers, as somebody copies it. */
function readmeCurl(): string {
  const chapter = readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n## In a container\n')[1] ?? '';
  const found = /^curl [\s\S]*?^ {2}-d '.*'$/m.exec(chapter)?.[0];
  if (found === undefined) throw new Error('README has no such curl');
  return found;
}

/** What the service has printed, without what compose programs put around it. */
const serviceLines = (log: string): readonly string[] =>
  log
    .split('\n')
    .map((line) =>
      stripVTControlCharacters(line)
        .replace(/^\S+_1 +\| /, '')
        .trim(),
    )
    .filter(
      (line) =>
        line !== '' && !/^(Attaching to |\['podman'|using podman|podman logs|exit code: 0)/.test(line),
    );

const MADE_KEY = /^An API key was made, .* Authorization: Bearer ([0-9a-f]{48})$/;

describe.each(TOOLS)('$program', (tool) => {
  const title = titleFor('up and down', tool);
  describe.skipIf(tool.obstacle !== undefined)(title, () => {
    let project: ComposeProject;
    let key: string;
    const keyFile = (): string => join(project.storageRoot, '.supervisor', 'api-key');

    beforeAll(async () => {
      project = await makeComposeProject(tool);
      await project.build();
      await project.compose('up', '-d');
      await waitForReadyz(project.url, 200);
      key = readFileSync(keyFile(), 'utf8').trim();
    });
    afterAll(() => project.remove());

    it('starts with .env as it was copied but for port, socket and storage folder, makes one key, and answers README’s request from the host', async () => {
      const refused = await fetch(`${project.url}/tools`);
      expect(refused.status).toBe(401);
      const command = readmeCurl().replace('http://127.0.0.1:8080', project.url);
      const { stdout } = await run('bash', ['-c', command], { env: { PATH: process.env.PATH, AA_KEY: key } });
      const answer = JSON.parse(stdout) as Answer;
      expect(answer.exitCode).toBe(0);
      const { outputs } = answer.artifacts;
      expect(Object.keys(outputs).sort()).toEqual(['now.txt', 'stderr', 'stdout']);
      for (const [name, expected] of [
        ['stdout', /^hello\n$/],
        ['now.txt', /\d\d:\d\d:\d\d/],
      ] as const) {
        const link = outputs[name] ?? '';
        expect(link.startsWith(`${project.url}/artifacts/demo/`)).toBe(true);
        expect(await (await fetch(link)).text()).toMatch(expected);
      }
    });

    it('keeps the key for its owner alone', () => {
      expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
      expect(statSync(join(project.storageRoot, '.supervisor')).mode & 0o777).toBe(0o700);
    });

    it('runs as root with three capabilities, a read-only root, and a port of this machine only', async () => {
      const [id] = await leftoversOf(tool.engine, project.name, 'containers');
      const { HostConfig } = (await callEngine(tool.engine, 'GET', `/containers/${id}/json`)) as {
        HostConfig: { ReadonlyRootfs: boolean; PortBindings: object };
      };
      expect(HostConfig.ReadonlyRootfs).toBe(true);
      const HostPort = new URL(project.url).port;
      expect(HostConfig.PortBindings).toEqual({ '8080/tcp': [{ HostIp: '127.0.0.1', HostPort }] });
      // Bits 0, 1 and 3: CHOWN, DAC_OVERRIDE and FOWNER.
      const status = await project.compose('exec', '-T', 'supervisor', 'cat', '/proc/1/status');
      expect(status).toMatch(/^CapBnd:\s+000000000000000b$/m);
      expect(status).toMatch(/^CapEff:\s+000000000000000b$/m);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    });

    it('says by its health check that it lives, also where an image keeps none', async () => {
      const [id] = await leftoversOf(tool.engine, project.name, 'containers');
      if (tool.engine.name === 'podman') {
        // Without systemd nothing runs it regularly there.
        const path = `/v4.0.0/libpod/containers/${id}/healthcheck`;
        expect(await callEngine(tool.engine, 'GET', path)).toMatchObject({ Status: 'healthy' });
        return;
      }
      const isHealthy = async (): Promise<boolean> => {
        const record = (await callEngine(tool.engine, 'GET', `/containers/${id}/json`)) as {
          State: { Health?: { Status: string } };
        };
        return record.State.Health?.Status === 'healthy';
      };
      await waitFor(isHealthy, 60_000);
    });

    it('tells the key once, and logs nothing that is worse than information, over a restart too', async () => {
      const first = serviceLines(await project.compose('logs'));
      expect(first.filter((line) => MADE_KEY.test(line)).map((line) => MADE_KEY.exec(line)?.[1])).toEqual([
        key,
      ]);
      await project.compose('stop');
      await project.compose('start');
      await waitForReadyz(project.url, 200);
      const all = serviceLines(await project.compose('logs'));
      expect(all.filter((line) => line.includes(key))).toHaveLength(1);
      const log = all
        .filter((line) => !MADE_KEY.test(line))
        .map((line) => JSON.parse(line) as { level: number });
      expect(log.filter(({ level }) => level > 30)).toEqual([]);
      expect(log.length).toBeGreaterThan(4);
    });

    it('goes down in time and leaves what its compose program leaves', async () => {
      const instanceId = instanceIdOf(project.storageRoot);
      rememberEngine(instanceId, tool.engine);
      const begun = performance.now();
      await project.compose('down');
      expect(performance.now() - begun).toBeLessThan(9000);
      await expectDown(tool.engine, project.name);
      expect(await containersOf(instanceId)).toEqual([]);
    });
  });
});

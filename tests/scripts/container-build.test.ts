import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { standInNames } from '../../scripts/lib/container-bases.js';
import { composeCommands } from '../../scripts/lib/container-build.js';
import { readBuildArguments } from '../../scripts/lib/image-source.js';
import { ROOT } from '../../scripts/lib/project.js';

const basesOf = (dockerfile: string) => readBuildArguments(readFileSync(join(ROOT, dockerfile), 'utf8'));

describe('the service’s image', () => {
  it('stands on the Node that the worker image has, so that one image is pulled for both', () => {
    expect(basesOf('Dockerfile').NODE_IMAGE).toBe(basesOf('worker/Dockerfile').NODE_IMAGE);
    expect(basesOf('Dockerfile').NODE_IMAGE).toMatch(/^docker\.io\/library\/node:\d+\.\d+\.\d+-/);
  });

  it('has stand-ins for its bases that are named after their versions', () => {
    const { NODE_IMAGE } = standInNames({ NODE_IMAGE: 'docker.io/library/node:26.1.2-bookworm-slim' });
    expect(NODE_IMAGE).toMatch(/^aa-node-npm:26\.1\.2-\d+\.\d+\.\d+$/);
    expect(() => standInNames({ NODE_IMAGE: 'docker.io/library/node:latest' })).toThrow(/exact version/);
  });
});

describe('what starts it', () => {
  it('is two commands where a registry is reachable', () => {
    expect(composeCommands('docker', {})).toEqual(['cp -n .env.example .env', 'docker-compose up']);
  });

  it('names the stand-ins where none is, as each engine knows them', () => {
    const args = { NODE_IMAGE: 'aa-node:1', NPM_CONFIG_REGISTRY: 'http://x/' };
    const [, docker] = composeCommands('docker', args);
    expect(docker).toBe(
      'docker-compose build --build-arg NODE_IMAGE=aa-node:1 --build-arg NPM_CONFIG_REGISTRY=http://x/',
    );
    const [, podman] = composeCommands('podman', args);
    expect(podman).toContain('podman-compose build --build-arg NODE_IMAGE=localhost/aa-node:1 ');
  });
});

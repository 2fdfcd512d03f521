import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArtifactStore, type ListedObject, StoreError } from '../../src/core/artifact-store.ts';
import { toArray } from '../support/to-array.ts';

/** A fresh, empty store, and how to look behind it. */
export interface StoreSubject {
  readonly store: ArtifactStore;
  /** Whatever is left of failed and finished work beside the objects themselves: temporary files, open descriptors. */
  leftovers(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

const MIB = 1024 * 1024;

/** The exam that every store passes. */
export function describeArtifactStore(name: string, makeSubject: () => Promise<StoreSubject>): void {
  describe(`artifact store: ${name}`, () => {
    let subject: StoreSubject;
    let store: ArtifactStore;

    beforeEach(async () => {
      subject = await makeSubject();
      ({ store } = subject);
    });

    afterEach(async () => {
      const leftovers = await subject.leftovers();
      await subject.dispose();
      expect(leftovers).toEqual([]);
    });

    describePut(() => store);
    describeGet(() => store);
    describeKeys(() => store);
    describeListing(() => store);
    describeEnds(() => store);
  });
}

function describePut(subject: () => ArtifactStore): void {
  it('gives back what was put, from bytes and from a stream', async () => {
    await subject().putObject('s/bytes', bytes('abc'), { contentType: 'text/plain' });
    await subject().putObject('s/stream', streamOf([bytes('ab'), bytes(''), bytes('cd')]));
    await subject().putObject('s/empty', new Uint8Array(0));
    expect(await text(subject(), 's/bytes')).toBe('abc');
    expect(await text(subject(), 's/stream')).toBe('abcd');
    expect(await text(subject(), 's/empty')).toBe('');
    expect(await subject().headObject('s/empty')).toEqual({ size: 0 });
  });

  it('keeps its own copy of the bytes', async () => {
    const body = bytes('abc');
    await subject().putObject('s/a', body);
    body.fill(0);
    expect(await text(subject(), 's/a')).toBe('abc');
  });

  it('leaves the key as it was when the body fails', async () => {
    await subject().putObject('s/old', bytes('old'));
    for (const key of ['s/old', 's/new']) {
      await expect(subject().putObject(key, failingStream(bytes('part')))).rejects.toThrow('body broke');
    }
    expect(await text(subject(), 's/old')).toBe('old');
    expect(await subject().headObject('s/new')).toBeUndefined();
    expect(await keys(subject(), '')).toEqual(['s/old']);
  });

  it('leaves the key as it was when it is aborted, before and while the body hangs', async () => {
    await subject().putObject('s/old', bytes('old'));
    const aborted = AbortSignal.abort(new Error('not today'));
    await expect(subject().putObject('s/old', bytes('new'), { signal: aborted })).rejects.toThrow(
      'not today',
    );
    const controller = new AbortController();
    const { stream, cancelled } = hangingStream(bytes('part'));
    const put = subject().putObject('s/old', stream, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 20);
    await expect(put).rejects.toThrow('enough');
    await cancelled;
    expect(await text(subject(), 's/old')).toBe('old');
  });

  it('lets one of many puts to one key win whole', async () => {
    const bodies = Array.from({ length: 20 }, (_, at) => String.fromCharCode(97 + at).repeat(70_000));
    await Promise.all(bodies.map((body) => subject().putObject('s/one', bytes(body))));
    expect(bodies).toContain(await text(subject(), 's/one'));
    expect(await keys(subject(), 's/')).toEqual(['s/one']);
  });

  it('shows a reader the old object or the new, never a mixture', async () => {
    const [old, young] = ['o'.repeat(MIB), 'y'.repeat(MIB + 1)] as const;
    await subject().putObject('s/swap', bytes(old));
    const object = await subject().getObject('s/swap');
    const writing = (async () => {
      for (let round = 0; round < 5; round += 1) {
        await subject().putObject('s/swap', bytes(young));
        await subject().putObject('s/swap', bytes(old));
      }
    })();
    for (let round = 0; round < 10; round += 1) {
      const seen = await text(subject(), 's/swap');
      expect(seen === old || seen === young).toBe(true);
    }
    await writing;
    expect((await new Response(object?.body ?? null).text()) === old).toBe(true);
  });

  it('puts and deletes side by side in one folder without an error', async () => {
    const work = Array.from({ length: 40 }, async (_, at) => {
      await subject().putObject(`s/deep/er/${at}`, bytes('x'));
      await subject().deleteObject(`s/deep/er/${at}`);
    });
    await Promise.all(work);
    expect(await keys(subject(), '')).toEqual([]);
  });

  it('streams 50 MB in and out in flat memory', async () => {
    const heldByStore = subject().name === 'memory' ? 150 * MIB : 0;
    const size = 50 * 1000 * 1000;
    const before = process.memoryUsage.rss();
    await subject().putObject('s/large', countingStream(size));
    const object = await subject().getObject('s/large');
    let [at, peak] = [0, 0];
    for await (const chunk of iterate(object?.body)) {
      if (chunk[0] !== at % 251 || chunk.at(-1) !== (at + chunk.length - 1) % 251)
        throw new Error('wrong bytes');
      at += chunk.length;
      peak = Math.max(peak, process.memoryUsage.rss());
    }
    expect(at).toBe(size);
    expect(peak - before).toBeLessThan(48 * MIB + heldByStore);
  });
}

function describeGet(subject: () => ArtifactStore): void {
  it('knows what it has not', async () => {
    expect(await subject().getObject('s/none')).toBeUndefined();
    expect(await subject().headObject('s/none')).toBeUndefined();
    await subject().putObject('s/a/b', bytes('x'));
    expect(await subject().getObject('s/a')).toBeUndefined();
    expect(await subject().headObject('s/a')).toBeUndefined();
    expect(await subject().getObject('s/a/b/c')).toBeUndefined();
  });

  it('gives exactly the bytes of a range, and the whole size with it', async () => {
    const body = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);
    await subject().putObject('s/r', body);
    const ranges = [
      [0, 0],
      [299_999, 299_999],
      [0, 299_999],
      [131_071, 131_073],
      [1, 298_000],
    ] as const;
    for (const [start, end] of ranges) {
      const object = await subject().getObject('s/r', { range: { start, end } });
      expect(object?.size).toBe(300_000);
      const got = new Uint8Array(await new Response(object?.body ?? null).arrayBuffer());
      expect(Buffer.compare(got, body.subarray(start, end + 1))).toBe(0);
    }
  });

  it('rejects a range that is not within the object', async () => {
    await subject().putObject('s/r', bytes('abc'));
    for (const range of [
      { start: 0, end: 3 },
      { start: 3, end: 3 },
      { start: 2, end: 1 },
      { start: -1, end: 1 },
    ]) {
      await expect(subject().getObject('s/r', { range })).rejects.toBeInstanceOf(StoreError);
    }
  });

  it('takes no harm from a body that is cancelled', async () => {
    await subject().putObject('s/c', new Uint8Array(MIB));
    for (let round = 0; round < 20; round += 1) {
      const object = await subject().getObject('s/c');
      const reader = object?.body.getReader();
      if (round % 2 === 0) await reader?.read();
      await reader?.cancel();
    }
  });
}

function describeKeys(subject: () => ArtifactStore): void {
  const odd = [
    's/with space',
    's/plus+amp&percent%41hash#question?',
    's/quote"\'`<>;\\',
    's/-leading',
    's/.hidden',
    's/...',
    's/smörgås',
    's/日本/😀',
    's/\u202Egnp.exe',
    's/line\nbreak\ttab',
    's/caf\u00e9',
    's/cafe\u0301',
    's/A.txt',
    's/a.txt',
    `s/${'n'.repeat(255)}`,
    `s/${'d/'.repeat(510)}ee`,
  ];

  it('holds odd keys apart from each other, up to 1,024 bytes', async () => {
    for (const key of odd) await subject().putObject(key, bytes(`this is ${key}`));
    for (const key of odd) expect(await text(subject(), key)).toBe(`this is ${key}`);
    const left = byBytes(odd);
    expect(await keys(subject(), '')).toEqual(left);
    for (const key of odd) {
      expect(await keys(subject(), key)).toContain(key);
      await subject().deleteObject(key);
      expect(await subject().headObject(key)).toBeUndefined();
      left.splice(left.indexOf(key), 1);
    }
    expect(left).toEqual([]);
    expect(await keys(subject(), '')).toEqual([]);
  });

  it('deletes one odd key and no other', async () => {
    for (const key of odd.slice(0, -1)) await subject().putObject(key, bytes(key));
    await subject().deleteObject('s/caf\u00e9');
    await subject().deleteObject('s/A.txt');
    const left = odd.slice(0, -1).filter((key) => key !== 's/caf\u00e9' && key !== 's/A.txt');
    expect(await keys(subject(), '')).toEqual(byBytes(left));
  });

  it.each([
    '',
    '/',
    '/s',
    's/',
    's//a',
    '.',
    '..',
    '../a',
    's/../a',
    's/./a',
    's/..',
    's/a\0b',
    's/\ud800',
    'k'.repeat(256),
    `${'k'.repeat(200)}/`.repeat(6).slice(0, 1025),
    '.supervisor/instance',
  ])('rejects %j as no key', async (key) => {
    const isInvalid = { name: 'StoreError', code: 'invalid_key' };
    await expect(subject().putObject(key, bytes('x'))).rejects.toMatchObject(isInvalid);
    await expect(subject().getObject(key)).rejects.toMatchObject(isInvalid);
    await expect(subject().headObject(key)).rejects.toMatchObject(isInvalid);
    await expect(subject().deleteObject(key)).rejects.toMatchObject(isInvalid);
    expect(await keys(subject(), '')).toEqual([]);
  });
}

function describeListing(subject: () => ArtifactStore): void {
  it('lists 2,500 objects in byte order with their sizes', async () => {
    const names = Array.from({ length: 2500 }, (_, at) => `s/${at % 7}/n-${(at * 7919) % 2500}.txt`);
    for (let at = 0; at < names.length; at += 50) {
      const batch = names.slice(at, at + 50);
      await Promise.all(batch.map((key) => subject().putObject(key, bytes(key))));
    }
    const listed = await list(subject(), 's/');
    expect(listed.map(({ key }) => key)).toEqual(byBytes(names));
    expect(listed.every(({ key, size }) => size === key.length)).toBe(true);
  });

  it('orders folders and files as their whole keys sort', async () => {
    const names = ['s/a/x', 's/a-b', 's/a.c', 's/a0', 's/\uffee', 's/\u{10000}', 's/é', 's/z'];
    for (const key of names) await subject().putObject(key, bytes('x'));
    expect(await keys(subject(), '')).toEqual(byBytes(names));
  });

  it('takes a prefix as text, not as a folder', async () => {
    for (const key of ['abc/1', 'abc/2', 'abcd/1', 'ab/1', 'b/abc'])
      await subject().putObject(key, bytes('x'));
    expect(await keys(subject(), 'abc')).toEqual(['abc/1', 'abc/2', 'abcd/1']);
    expect(await keys(subject(), 'abc/')).toEqual(['abc/1', 'abc/2']);
    expect(await keys(subject(), 'abc/2')).toEqual(['abc/2']);
    for (const none of ['abc/3', 'x', '/', '..', '../', 'abc//', './abc', 'abc/1/', 'b/abc/']) {
      expect(await keys(subject(), none)).toEqual([]);
    }
  });

  it('survives a reader that stops early, and deleting while listing', async () => {
    for (let at = 0; at < 30; at += 1) await subject().putObject(`s/${at % 3}/${at}`, bytes('x'));
    for await (const { key } of subject().listObjects('s/')) {
      expect(key).toBe('s/0/0');
      break;
    }
    for await (const { key } of subject().listObjects('s/')) await subject().deleteObject(key);
    expect(await keys(subject(), '')).toEqual([]);
  });
}

function describeEnds(subject: () => ArtifactStore): void {
  it('deletes twice without complaint, and nothing else', async () => {
    await subject().putObject('s/a', bytes('x'));
    await subject().putObject('s/a.b', bytes('y'));
    await subject().deleteObject('s/a');
    await subject().deleteObject('s/a');
    await subject().deleteObject('never/was');
    expect(await keys(subject(), '')).toEqual(['s/a.b']);
  });

  it('presigns, or says that it can not', async () => {
    await subject().putObject('s/a', bytes('x'));
    const options = { expiresInSeconds: 60, contentType: 'text/plain', contentDisposition: 'attachment' };
    const url = subject().presignGetObject('s/a', options);
    if (subject().capabilities.presign) expect(await url).toMatch(/^https?:/);
    else await expect(url).rejects.toMatchObject({ name: 'StoreError', code: 'unsupported' });
  });

  it('closes twice', async () => {
    await subject().close();
    await subject().close();
  });
}

function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

async function text(store: ArtifactStore, key: string): Promise<string | undefined> {
  const object = await store.getObject(key);
  if (object === undefined) return undefined;
  const content = await new Response(object.body).text();
  expect(bytes(content)).toHaveLength(object.size);
  return content;
}

function list(store: ArtifactStore, prefix: string): Promise<ListedObject[]> {
  return toArray(store.listObjects(prefix));
}

async function keys(store: ArtifactStore, prefix: string): Promise<string[]> {
  return (await list(store, prefix)).map(({ key }) => key);
}

function byBytes(names: readonly string[]): string[] {
  return [...names].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
}

async function* iterate(body: ReadableStream<Uint8Array> | undefined): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (part === undefined || part.done) return;
    yield part.value;
  }
}

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

function failingStream(first: Uint8Array): ReadableStream<Uint8Array> {
  let pulls = 0;
  return new ReadableStream({
    pull(controller) {
      pulls += 1;
      if (pulls === 1) controller.enqueue(first);
      else controller.error(new Error('body broke'));
    },
  });
}

function hangingStream(first: Uint8Array): {
  stream: ReadableStream<Uint8Array>;
  cancelled: Promise<void>;
} {
  let heard: () => void = () => {};
  const cancelled = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(first),
    cancel: () => heard(),
  });
  return { stream, cancelled };
}

/** Bytes 0 to 250 again and again, made as they are asked for. */
function countingStream(size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      const chunk = new Uint8Array(Math.min(64 * 1024, size - at)).map((_, index) => (at + index) % 251);
      at += chunk.length;
      if (chunk.length > 0) controller.enqueue(chunk);
      if (at === size) controller.close();
    },
  });
}

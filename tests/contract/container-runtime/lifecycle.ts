import { describe, expect, it } from 'vitest';
import { codeOf, type Exam, gather } from './subject.ts';

const UNKNOWN = 'f'.repeat(64);

export function describeLifecycle(exam: Exam): void {
  describe('lifecycle', () => {
    it('says who the engine is', async () => {
      const { runtime } = exam.subject;
      const info = await runtime.info();
      expect(info.name).toBe(runtime.name);
      expect(info.version).not.toBe('');
      expect([1, 2]).toContain(info.cgroupVersion);
      expect(info.ociRuntimes).toContain(info.defaultOciRuntime);
    });

    it('knows the image it holds and no other', async () => {
      const { runtime, image } = exam.subject;
      expect((await runtime.ensureImage(image)).id).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await codeOf(runtime.ensureImage('tes.invalid/no-such-image:never'))).toBe('image_not_found');
      expect(await codeOf(runtime.ensureImage('../containers/x'))).toBe('image_not_found');
    });

    it('creates without starting, with the labels of the spec over those of the image, and no other', async () => {
      const { runtime, programs } = exam.subject;
      const labels = { ...exam.label, 'tes.empty': '', 'tes.odd': 'a=b "c" é,d' };
      const id = await runtime.create(exam.spec(programs.print('x'), { labels }));
      expect(await runtime.inspect(id)).toEqual({
        id,
        status: 'created',
        exitCode: undefined,
        oomKilled: false,
        labels: { ...exam.subject.imageLabels, ...labels },
      });
      await runtime.remove(id);
      expect(await runtime.inspect(id)).toBeUndefined();
    });

    it('lists what bears every label, and nothing else', async () => {
      const { runtime, programs } = exam.subject;
      const make = (kind: string) =>
        runtime.create(exam.spec(programs.print('x'), { labels: { ...exam.label, 'tes.kind': kind } }));
      const [one, two] = [await make('one'), await make('two')];
      const ids = async (labels: Record<string, string>) =>
        (await runtime.list({ labels: { ...exam.label, ...labels } })).map(({ id }) => id).sort();
      expect(await ids({})).toEqual([one, two].sort());
      expect(await ids({ 'tes.kind': '' })).toEqual([one, two].sort());
      expect(await ids({ 'tes.kind': 'two' })).toEqual([two]);
      expect(await ids({ 'tes.kind': 'on' })).toEqual([]);
      const [row] = await runtime.list({ labels: { ...exam.label, 'tes.kind': 'one' } });
      expect(row?.status).toBe('created');
      expect(Math.abs((row?.createdAt ?? 0) - Date.now())).toBeLessThan(60_000);
      await Promise.all([runtime.remove(one), runtime.remove(two)]);
    });

    it('refuses to start the same container twice, running or ended', async () => {
      const { runtime, programs } = exam.subject;
      const io = () => ({ stdout: gather(), stderr: gather() });
      const id = await runtime.create(exam.spec(programs.sleep(60)));
      const { exited } = await runtime.start(id, io());
      expect((await runtime.inspect(id))?.status).toBe('running');
      expect(await codeOf(runtime.start(id, io()))).toBe('conflict');
      await runtime.kill(id, 'SIGKILL');
      await exited;
      expect(await runtime.inspect(id)).toMatchObject({ status: 'exited', exitCode: 137, oomKilled: false });
      expect(await codeOf(runtime.start(id, io()))).toBe('conflict');
      await runtime.remove(id);
    });

    it('removes a running container, and twice or at once is the same as once', async () => {
      const { runtime, programs } = exam.subject;
      const id = await runtime.create(exam.spec(programs.sleep(60)));
      const { exited } = await runtime.start(id, { stdout: gather(), stderr: gather() });
      await Promise.all([runtime.remove(id), runtime.remove(id)]);
      await runtime.remove(id);
      expect(await runtime.inspect(id)).toBeUndefined();
      // Whether the end could still be read before the record went is a race; it must be told either way.
      const end = await exited.then(
        ({ exitCode }) => exitCode,
        (error: { code: string }) => error.code,
      );
      expect([137, 'not_found']).toContain(end);
    });

    it('takes unknown ids as gone', async () => {
      const { runtime } = exam.subject;
      for (const id of [UNKNOWN, 'no/such', '../../images/x', '']) {
        await runtime.kill(id, 'SIGKILL');
        await runtime.remove(id);
        expect(await runtime.inspect(id)).toBeUndefined();
        expect(await codeOf(runtime.start(id, { stdout: gather(), stderr: gather() }))).toBe('not_found');
      }
    });

    it('kills what has ended, or never started, without complaint', async () => {
      const { runtime, programs } = exam.subject;
      const id = await runtime.create(exam.spec(programs.exit(0)));
      await runtime.kill(id, 'SIGTERM');
      const { exited } = await runtime.start(id, { stdout: gather(), stderr: gather() });
      await exited;
      await runtime.kill(id, 'SIGTERM');
      await runtime.kill(id, 'SIGKILL');
      await runtime.kill(id, 'SIGKILL');
      await runtime.remove(id);
    });

    it('leaves nothing behind of a create that it rejects', async () => {
      const { runtime, programs, image } = exam.subject;
      const spec = exam.spec(programs.print('x'));
      const missing = { source: `${exam.workspace}/not-there`, target: '/data', readonly: true };
      expect(await codeOf(runtime.create({ ...spec, image: `${image}-not-there` }))).toBe('image_not_found');
      expect(await codeOf(runtime.create({ ...spec, mounts: [...spec.mounts, missing] }))).toBe(
        'mount_missing',
      );
      expect(await codeOf(runtime.create({ ...spec, ociRuntime: 'no-such-runtime' }))).toBe(
        'runtime_unknown',
      );
      expect(await runtime.list({ labels: exam.label })).toEqual([]);
    });
  });
}

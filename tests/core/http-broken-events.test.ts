import { describe, expect, it } from 'vitest';
import { createApp } from '../../src/core/http/app.ts';
import type { App } from '../../src/core/http/context.ts';
import type { FoundJob, JobCatalog } from '../../src/core/jobs/job-catalog.ts';
import type { EventFiles } from '../../src/core/jobs/read-events.ts';
import type { Logger } from '../../src/core/logger.ts';
import { useApp } from '../support/app-fixture.ts';
import { APP_BASE } from '../support/build-app.ts';
import { allEvents, type ReceivedEvent, readEvents } from '../support/event-stream.ts';

const app = useApp({ resumeGraceMs: 100 });

/** More output than is read at once, so that a stream's file is read several times. */
const STEPS = Array.from({ length: 4 }, (_, n) => [
  { stdout: `${n}`.repeat(1000), times: 40 },
  { sleep: 20 },
]).flat();

/** The same files, but for one read in the middle of stdout, which fails as it does without a free file descriptor. */
function withOneFault(files: EventFiles, fault: { armed: boolean }): EventFiles {
  return {
    async readPart(name, position, length) {
      if (fault.armed && name === 'stdout' && position > 0) {
        fault.armed = false;
        throw Object.assign(new Error('EMFILE: too many open files, open /secret/path'), { code: 'EMFILE' });
      }
      return files.readPart(name, position, length);
    },
  };
}

interface Watched {
  readonly app: App;
  readonly logged: object[];
  readonly left: number[];
}

/** The application once more, over files of which one read fails. */
function withFault(): Watched {
  const fault = { armed: true };
  const logged: object[] = [];
  const left: number[] = [];
  const { catalog } = app.deps;
  const wrap = (found: FoundJob | undefined): FoundJob | undefined => {
    if (found?.state !== 'live') return found;
    const { live } = found;
    const attend = (): (() => void) => {
      const leave = live.attend();
      const at = left.push(0) - 1;
      return () => {
        left[at] = (left[at] ?? 0) + 1;
        leave();
      };
    };
    return {
      ...found,
      live: { ...live, record: live.record, files: withOneFault(live.files, fault), attend },
    };
  };
  const faulty: JobCatalog = {
    ...catalog,
    find: async (id) => wrap(await catalog.find(id)),
    async openEvents(ref) {
      const { files, count } = await catalog.openEvents(ref);
      return { files: withOneFault(files, fault), count };
    },
  };
  const logger: Logger = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (fields) => void logged.push(fields),
    child: () => logger,
  };
  return { app: createApp({ ...app.deps, catalog: faulty, logger }), logged, left };
}

/** Reads a job's events, coming again with the last id after each break. */
async function readOn(watched: App, id: string) {
  const events: ReceivedEvent[] = [];
  const breaks: unknown[] = [];
  for (;;) {
    const response = await watched.request(`${APP_BASE}/jobs/${id}/events`, {
      headers: { 'Last-Event-ID': String(events.at(-1)?.id ?? 0) },
    });
    try {
      for await (const event of readEvents(response)) events.push(event);
      return { events, breaks };
    } catch (error) {
      breaks.push(error);
    }
  }
}

describe('a read that fails in the middle of a stream', () => {
  it('of a running job breaks the connection; who reads on has everything, once and in order', async () => {
    const headers = { Prefer: 'respond-async' };
    const { id } = (await (await app.run(STEPS, { headers })).json()) as { id: string };
    const { app: watched, logged, left } = withFault();
    const { events, breaks } = await readOn(watched, id);
    expect(breaks).toHaveLength(1);
    expect(String(breaks[0])).not.toContain('/secret');
    expect(events).toEqual(await allEvents(await app.request(`/jobs/${id}/events`)));
    expect(logged).toEqual([{ err: expect.objectContaining({ code: 'EMFILE' }), job: id }]);
    expect(left).toEqual([1, 1]);
  });

  it('of a stopped job does so too', async () => {
    const { id } = (await (await app.run(STEPS)).json()) as { id: string };
    const { events, breaks } = await readOn(withFault().app, id);
    expect(breaks).toHaveLength(1);
    expect(events).toEqual(await allEvents(await app.request(`/jobs/${id}/events`)));
  });
});

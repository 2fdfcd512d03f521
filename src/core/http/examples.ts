import { DEFAULT_LIMITS } from '../limits.ts';
import type {
  ExecuteResponse,
  JobPage,
  JobProgress,
  JobResponse,
  Ready,
  Unavailable,
} from '../response-schemas.ts';

const SESSION = 'session-xyz';
const ID = '3v8kq01jc2m5rzn1t7e7w0xg4t6h9b2d5f8k1m3p6s9v2';
const BASE = `https://tools.example.com/artifacts/${SESSION}/${ID}`;

export const EXAMPLE_SESSION = SESSION;
export const EXAMPLE_JOB = ID;
export const EXAMPLE_REQUEST_ID = '7f6f1c0e-4c1f-4d5e-9a53-0d6f3a1f2b4c';

export const EXECUTE_EXAMPLE: ExecuteResponse = {
  tool: 'code_execution',
  sessionId: SESSION,
  id: ID,
  outcome: 'exited',
  exitCode: 0,
  durationMs: 62,
  limits: DEFAULT_LIMITS,
  timings: { queue: 0, create: 28, start: 151, run: 64, collect: 27 },
  artifacts: {
    inputs: { 'script.py': `${BASE}/script.py` },
    outputs: { stdout: `${BASE}/stdout`, stderr: `${BASE}/stderr` },
  },
  files: [
    {
      name: 'stdout',
      kind: 'output',
      url: `${BASE}/stdout`,
      size: 14,
      mediaType: 'text/plain; charset=utf-8',
      sha256: 'c98c24b677eff44860afea6f493bbaec5bb1c4cbb209c6fc2bbb47f66ff2ad31',
      truncated: false,
    },
  ],
  skipped: [],
};

const QUEUED: JobProgress = { status: 'queued', createdAt: '2026-01-31T12:00:00.000Z' };

const STOPPED: JobProgress = {
  status: 'stopped',
  createdAt: '2026-01-31T12:00:00.000Z',
  startedAt: '2026-01-31T12:00:00.180Z',
  endedAt: '2026-01-31T12:00:00.270Z',
};

export const QUEUED_EXAMPLE: JobResponse = {
  tool: 'code_execution',
  sessionId: SESSION,
  id: ID,
  limits: DEFAULT_LIMITS,
  artifacts: { inputs: {}, outputs: {} },
  files: [],
  skipped: [],
  ...QUEUED,
};

export const STOPPED_EXAMPLE: JobResponse = { ...EXECUTE_EXAMPLE, ...STOPPED };

export const CANCELED_EXAMPLE: JobResponse = {
  ...STOPPED_EXAMPLE,
  outcome: 'canceled',
  exitCode: 143,
  signal: 'SIGTERM',
};

export const JOB_PAGE_EXAMPLE: JobPage = {
  jobs: [{ tool: 'code_execution', sessionId: SESSION, id: ID, limits: DEFAULT_LIMITS, ...QUEUED }],
  nextCursor: ID,
};

export const READY_EXAMPLE: Ready = { status: 'ready' };

export const UNAVAILABLE_EXAMPLE: Unavailable = {
  status: 'unavailable',
  problems: [
    {
      code: 'image_unavailable',
      message:
        'The worker image aa-worker:latest is not on the engine: build it with `docker build -t aa-worker:latest worker` or run `npm run setup`.',
    },
  ],
};

const EVENTS: readonly (readonly [name: string, data: unknown])[] = [
  ['queued', { id: ID, position: 0 }],
  ['started', { id: ID }],
  ['stdout', { text: 'Hello, World!\n' }],
  ['artifact', EXECUTE_EXAMPLE.files[0]],
  ['result', EXECUTE_EXAMPLE],
];

/** A whole stream as it goes over the wire. */
export const STREAM_EXAMPLE = EVENTS.map(
  ([name, data], index) => `id: ${index + 1}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`,
).join('');

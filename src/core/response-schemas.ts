import * as v from 'valibot';
import { ERROR_TABLE, type ErrorCode } from './errors.ts';
import { JOB_ID_PATTERN } from './ids.ts';
import { JOB_STATUSES, OUTCOMES } from './jobs/job.ts';
import { sessionId } from './schemas.ts';
import { SKIP_REASONS } from './workspace.ts';

/** What answers are built as: the schema's output, which no builder changes once it's made. */
export type Shown<T> = T extends readonly (infer E)[]
  ? readonly Shown<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Shown<T[K]> }
    : T;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const milliseconds = v.pipe(count, v.description('Milliseconds.'));
const timestamp = v.pipe(v.string(), v.isoTimestamp(), v.description('ISO 8601, UTC.'));
const url = v.pipe(v.string(), v.url());
const toolName = v.pipe(v.string(), v.description('The tool that ran.'));

export const jobId = v.pipe(v.string(), v.regex(JOB_ID_PATTERN), v.description('The job.'));

export const limits = v.object({
  timeoutMs: milliseconds,
  memoryBytes: count,
  cpus: v.pipe(v.number(), v.description('Share of one CPU: 0.5 is half of it.')),
  pids: v.pipe(count, v.description('Processes and threads.')),
  outputBytes: v.pipe(count, v.description('Kept of stdout, and the same of stderr.')),
  diskBytes: v.pipe(count, v.description('Below /workspace.')),
});

export const timings = v.object({
  queue: milliseconds,
  create: milliseconds,
  start: milliseconds,
  run: milliseconds,
  collect: milliseconds,
});

export const fileRow = v.object({
  name: v.string(),
  kind: v.picklist(['input', 'output']),
  size: v.pipe(count, v.description('Bytes.')),
  mediaType: v.string(),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  truncated: v.pipe(
    v.boolean(),
    v.description('Whether bytes were left out between the first and the last.'),
  ),
  omittedBytes: v.exactOptional(count),
  url,
});
export type FileRow = Shown<v.InferOutput<typeof fileRow>>;

const skippedFile = v.object({ name: v.string(), reason: v.picklist(SKIP_REASONS) });

/** How the program ended. */
const programEnd = v.object({
  outcome: v.pipe(v.picklist(OUTCOMES), v.description('Why the program ended.')),
  exitCode: v.pipe(
    count,
    v.maxValue(255),
    v.description('What the program ended with; 128+n when signal n ended it.'),
  ),
  signal: v.exactOptional(v.pipe(v.string(), v.description('The signal that ended the program.'))),
  oomKilled: v.exactOptional(
    v.pipe(
      v.literal(true),
      v.description('The kernel killed one process for want of memory, and the run went on.'),
    ),
  ),
  durationMs: v.pipe(v.number(), v.minValue(0), v.description("Milliseconds: the program's own time.")),
});

const artifacts = v.object({
  inputs: v.record(v.string(), url),
  outputs: v.record(v.string(), url),
});

const heading = { tool: toolName, sessionId, id: jobId };

const leavings = {
  outputComplete: v.exactOptional(
    v.pipe(v.literal(false), v.description("The engine's connection broke: output may lack bytes.")),
  ),
  artifacts,
  files: v.array(fileRow),
  skipped: v.array(skippedFile),
  truncated: v.exactOptional(
    v.pipe(v.literal(true), v.description('Not every file of the workspace was looked at.')),
  ),
};

/** What execute answers when a program ran. */
export const executeResponse = v.object({
  ...heading,
  ...programEnd.entries,
  limits,
  timings: v.exactOptional(timings),
  ...leavings,
});
export type ExecuteResponse = Shown<v.InferOutput<typeof executeResponse>>;

/** The same of a job whose end isn't known, or hasn't come. */
const jobAnswer = v.object({
  ...heading,
  ...v.partial(programEnd).entries,
  limits,
  timings: v.exactOptional(timings),
  ...leavings,
});
export type JobAnswer = Shown<v.InferOutput<typeof jobAnswer>>;

const errorCode = v.picklist(Object.keys(ERROR_TABLE) as ErrorCode[]);

const progress = {
  status: v.pipe(v.picklist(JOB_STATUSES), v.description('Where the job is.')),
  createdAt: timestamp,
  startedAt: v.exactOptional(timestamp),
  endedAt: v.exactOptional(timestamp),
  error: v.exactOptional(
    v.pipe(
      v.object({ code: errorCode, message: v.string() }),
      v.description('Why a stopped job has no exitCode.'),
    ),
  ),
};
export type JobProgress = Shown<v.InferOutput<v.ObjectSchema<typeof progress, undefined>>>;

export const jobResponse = v.object({ ...jobAnswer.entries, ...progress });
export type JobResponse = Shown<v.InferOutput<typeof jobResponse>>;

/** A job in a list: without its files. */
export const jobRow = v.object({
  ...heading,
  ...v.partial(programEnd).entries,
  limits,
  timings: v.exactOptional(timings),
  ...progress,
});
export type JobRow = Shown<v.InferOutput<typeof jobRow>>;

export const jobPage = v.object({
  jobs: v.pipe(v.array(jobRow), v.description('Newest first.')),
  nextCursor: v.exactOptional(
    v.pipe(v.string(), v.description('Send it as `cursor` for the next page; absent on the last.')),
  ),
});
export type JobPage = Shown<v.InferOutput<typeof jobPage>>;

export const toolList = v.object({
  tools: v.array(
    v.object({
      name: v.string(),
      title: v.string(),
      description: v.string(),
      inputSchema: v.pipe(
        v.record(v.string(), v.unknown()),
        v.description('JSON Schema of the fields that the tool takes.'),
      ),
    }),
  ),
});
export type ToolList = Shown<v.InferOutput<typeof toolList>>;

export const health = v.object({ status: v.literal('ok') });
export type Health = v.InferOutput<typeof health>;

const finding = v.object({
  name: v.string(),
  status: v.picklist(['ok', 'warn', 'fail']),
  asked: v.exactOptional(v.string()),
  seen: v.exactOptional(v.string()),
  how: v.exactOptional(v.pipe(v.string(), v.description('By what it was seen.'))),
  cure: v.exactOptional(v.pipe(v.string(), v.description('What to do; there for what is not ok.'))),
});

const details = {
  engine: v.exactOptional(
    v.pipe(
      v.record(v.string(), v.unknown()),
      v.description('With ?verbose: what the engine says of itself.'),
    ),
  ),
  store: v.exactOptional(v.pipe(v.string(), v.description('With ?verbose: where artifacts are kept.'))),
  findings: v.exactOptional(
    v.pipe(
      v.array(finding),
      v.description(
        'With ?verbose: what was looked at and measured on this host, as `npm run doctor` tells it.',
      ),
    ),
  ),
};

export const ready = v.object({ status: v.literal('ready'), ...details });
export type Ready = Shown<v.InferOutput<typeof ready>>;

export const unavailable = v.object({
  status: v.literal('unavailable'),
  problems: v.exactOptional(
    v.pipe(
      v.array(v.object({ code: errorCode, message: v.string() })),
      v.description('What is missing and how to get it; not told to who has no key.'),
    ),
  ),
  ...details,
});
export type Unavailable = Shown<v.InferOutput<typeof unavailable>>;

/** Every error of every route. An `infra_error` carries what is known of the job, its artifacts included. */
export const errorBody = v.object({
  error: v.object({
    code: errorCode,
    message: v.pipe(v.string(), v.description('What is wrong; ends with the cure.')),
    requestId: v.pipe(v.string(), v.description('Stands in the header X-Request-Id and in the log too.')),
    issues: v.exactOptional(
      v.array(
        v.object({
          path: v.pipe(
            v.string(),
            v.description(
              '`files.0.path`, or the name of a query parameter or header; empty for the whole body.',
            ),
          ),
          message: v.string(),
        }),
      ),
    ),
    ...v.partial(jobAnswer).entries,
  }),
});
export type ErrorBody = Shown<v.InferOutput<typeof errorBody>>;
/** What an error may tell beside its code and message. */
export type ErrorDetails = Partial<JobAnswer>;

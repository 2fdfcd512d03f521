import * as v from 'valibot';
import { errorBody, executeResponse, fileRow, jobId, type Shown } from './response-schemas.ts';

const output = v.union([
  v.object({ text: v.string() }),
  v.object({ base64: v.pipe(v.string(), v.description('Bytes that are no UTF-8.')) }),
]);

/** The `data` of each kind of event in a job's stream, by the event's name. */
export const EVENT_SCHEMAS = {
  queued: v.object({
    id: jobId,
    position: v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.description('How many jobs have their turn before it, itself included; 0 when it needn’t wait.'),
    ),
  }),
  started: v.object({ id: jobId }),
  stdout: output,
  stderr: output,
  truncated: v.object({
    stream: v.picklist(['stdout', 'stderr']),
    omittedBytes: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  }),
  artifact: fileRow,
  result: executeResponse,
  error: errorBody,
} as const;

type EventName = keyof typeof EVENT_SCHEMAS;

/** One event of a job's stream without its id. */
export type JobEvent = {
  [N in EventName]: { readonly event: N; readonly data: Shown<v.InferOutput<(typeof EVENT_SCHEMAS)[N]>> };
}[EventName];

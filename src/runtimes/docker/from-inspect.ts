import type { ContainerState, ContainerSummary } from '../../core/container-runtime.ts';
import { type Fields, parseFields } from './fields.ts';

/** The engine's record, with what the driver needs beyond the contract. */
export interface InspectedContainer {
  readonly state: ContainerState;
  /** Milliseconds since the epoch by the engine's clock; `undefined` when the program didn't start or end. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  /** The engine's own words on a start that failed. */
  readonly error: string;
}

export function fromInspect(answer: unknown): InspectedContainer {
  const container = parseFields(answer, 'inspect');
  const record = container.fields('State');
  const exitCode = record.number('ExitCode');
  // A start that failed leaves the container `created`, with the reason as its exit code.
  const failedStart = record.text('Status') === 'created' && exitCode !== undefined && exitCode !== 0;
  const status = failedStart ? 'exited' : toStatus(record.text('Status'));
  return {
    state: {
      id: container.text('Id') ?? '',
      status,
      exitCode: status === 'exited' ? exitCode : undefined,
      oomKilled: record.flag('OOMKilled'),
      labels: container.fields('Config').textMap('Labels'),
    },
    startedAt: parseTime(record.text('StartedAt')),
    finishedAt: parseTime(record.text('FinishedAt')),
    error: record.text('Error') ?? '',
  };
}

export function fromListRow(row: Fields): ContainerSummary {
  return {
    id: row.text('Id') ?? '',
    status: toStatus(row.text('State')),
    labels: row.textMap('Labels'),
    createdAt: (row.number('Created') ?? 0) * 1000,
  };
}

function toStatus(engineStatus: string | undefined): ContainerState['status'] {
  switch (engineStatus) {
    case 'created':
      return 'created';
    case 'running':
    case 'paused':
    case 'restarting':
      return 'running';
    default:
      return 'exited';
  }
}

/** Reads RFC 3339 with nanoseconds. The engine writes the year 1 for "never". */
export function parseTime(text: string | undefined): number | undefined {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text ?? '');
  if (parts === null || parts[1] === undefined || parts[1].startsWith('0001-')) return undefined;
  return Date.parse(`${parts[1]}${parts[3] ?? 'Z'}`) + Number(parts[2] ?? 0) * 1000;
}

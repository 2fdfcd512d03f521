import type { ContainerState, ContainerSummary } from '../../core/container-runtime.ts';
import { type Fields, parseFields } from '../shared/fields.ts';
import { type InspectedContainer, parseTime } from '../shared/inspected-container.ts';

export interface PodmanContainer extends InspectedContainer {
  /** The process on the engine's host that is or will be the program's init; 0 when there is none. */
  readonly pid: number;
}

export function fromInspect(answer: unknown): PodmanContainer {
  const container = parseFields(answer, 'inspect');
  const record = container.fields('State');
  const status = toStatus(record.text('Status'));
  return {
    state: {
      id: container.text('Id') ?? '',
      status,
      exitCode: status === 'exited' ? record.number('ExitCode') : undefined,
      oomKilled: record.flag('OOMKilled'),
      labels: container.fields('Config').textMap('Labels'),
    },
    startedAt: parseTime(record.text('StartedAt')),
    finishedAt: parseTime(record.text('FinishedAt')),
    error: record.text('Error') ?? '',
    pid: record.number('Pid') ?? 0,
  };
}

export function fromListRow(row: Fields): ContainerSummary {
  return {
    id: row.text('Id') ?? '',
    status: toStatus(row.text('State')),
    labels: row.textMap('Labels'),
    createdAt: parseTime(row.text('Created')) ?? 0,
  };
}

/**
 * `initialized` is what attaching makes of a created container: all is prepared, and no line of the program has run.
 * `stopped` is what an ended one is until the engine has cleaned up behind it; its end is on record.
 */
function toStatus(engineStatus: string | undefined): ContainerState['status'] {
  switch (engineStatus) {
    case 'created':
    case 'configured':
    case 'initialized':
      return 'created';
    case 'running':
    case 'paused':
    case 'stopping':
    // It has ended or it's being ended, but whether its end is on record isn't sure; soon there's no record at all.
    case 'removing':
      return 'running';
    default:
      return 'exited';
  }
}

import type { ContainerState, ContainerSummary } from '../../core/container-runtime.ts';
import { type Fields, parseFields } from '../shared/fields.ts';
import { type InspectedContainer, parseTime } from '../shared/inspected-container.ts';

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

import type { ContainerSummary } from '../../core/container-runtime.ts';
import type { Engine } from './engine.ts';
import { type Fields, parseList } from './fields.ts';

export async function listContainers(
  engine: Engine,
  labels: Readonly<Record<string, string>>,
  fromListRow: (row: Fields) => ContainerSummary,
): Promise<readonly ContainerSummary[]> {
  const label = Object.entries(labels).map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  const answer = await engine.request({
    what: 'list',
    method: 'GET',
    path: '/containers/json',
    query: { all: 'true', filters: JSON.stringify({ label }) },
  });
  return parseList(answer, 'list').map(fromListRow);
}

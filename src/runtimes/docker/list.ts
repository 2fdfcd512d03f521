import type { ContainerSummary } from '../../core/container-runtime.ts';
import type { Engine } from './connect.ts';
import { parseList } from './fields.ts';
import { fromListRow } from './from-inspect.ts';

export async function listContainers(
  engine: Engine,
  labels: Readonly<Record<string, string>>,
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

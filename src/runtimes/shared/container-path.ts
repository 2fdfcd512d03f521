import { type ContainerId, RuntimeError } from '../../core/container-runtime.ts';

/** The path of one container's resource. An id that no engine would give is unknown by definition and never put in a URL. */
export function containerPath(id: ContainerId, resource = ''): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(id))
    throw new RuntimeError('not_found', `No such container: ${JSON.stringify(id)}`);
  return `/containers/${id}${resource}`;
}

import { RuntimeError } from '../../core/container-runtime.ts';

/** Nobody answers now, or the socket itself is gone; an engine that is started again makes a new one. */
export function isAway(error: unknown): boolean {
  return error instanceof RuntimeError && (error.code === 'unavailable' || error.code === 'no_socket');
}

import { EXAM_SETTINGS, type HttpSubject } from '../contract/http-api.ts';
import { DOCKER, type TestEngine } from './engine.ts';
import { sendRaw } from './raw-request.ts';
import { type ServiceOptions, startServiceProcess } from './start-service.ts';

/** The real service as a process of its own, ready for the HTTP exam. */
export async function makeProcessSubject(
  on: NonNullable<ServiceOptions['on']>,
  engine: TestEngine = DOCKER,
): Promise<HttpSubject> {
  const service = await startServiceProcess({ on, engine, env: EXAM_SETTINGS });
  const { url: baseUrl, storageRoot, instanceId } = service;
  return {
    baseUrl,
    storageRoot,
    instanceId,
    engine: engine.name,
    fetch: (path, init) => fetch(new URL(path, baseUrl), init),
    raw: (request) => sendRaw(baseUrl, request),
    close: () => service.stop(),
  };
}

import { Agent } from 'node:http';
import type { Readable } from 'node:stream';
import Dockerode from 'dockerode';
import { createEngine, type EngineLink, type EngineRequest, type KnownEngine } from '../shared/engine.ts';
import { fromEngineError } from './from-engine-error.ts';
import { type EngineFacts, readFacts } from './info.ts';

const SUCCESS = { 200: true, 201: true, 204: true };

/** A Docker engine through dockerode; connects to nothing before it's asked for something. */
export function createDockerEngine(options: {
  readonly findSocket: () => Promise<string>;
  readonly deadlineMs: number;
}): KnownEngine<EngineFacts> {
  return createEngine({ ...options, linkTo, readFacts, translate: fromEngineError });
}

function linkTo(socketPath: string): EngineLink {
  const agent = new Agent({ keepAlive: true, scheduling: 'lifo' });
  // `host` and the rest are named because docker-modem otherwise takes them from the environment and leaves the socket.
  const options = {
    socketPath,
    host: undefined,
    port: undefined,
    protocol: 'http' as const,
    headers: {},
    agent,
  };
  const docker = new Dockerode(options);
  return {
    send: (request, signal) => dial(docker, request, signal),
    dropIdle: () => dropIdleSockets(agent),
    destroy: () => agent.destroy(),
  };
}

/**
 * Requests go through `dial` and not through dockerode's verbs: its `createContainer` drops the engine's warnings and
 * repeats the body in the URL, and no verb ever settles when the connection breaks within an answer.
 */
function dial(docker: Dockerode, request: EngineRequest, signal: AbortSignal): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const query = { ...request.query };
    docker.modem.dial(
      {
        method: request.method,
        path: `${request.path}?`,
        // A hijacked request without a body would be sent chunked.
        options: { _query: query, _body: request.body ?? (request.hijack === true ? query : {}) },
        isStream: true,
        hijack: request.hijack === true,
        statusCodes: SUCCESS,
        abortSignal: signal,
      },
      (error, answer) => {
        if (error !== null && error !== undefined) return reject(error);
        const stream = answer as Readable;
        // Whoever reads is told of a broken connection; while nobody reads, an unheard `error` would end the process.
        stream.on('error', () => {});
        if (signal.aborted) stream.destroy();
        resolve(stream);
      },
    );
  });
}

function dropIdleSockets(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

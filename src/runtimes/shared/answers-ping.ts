import { request } from 'node:http';

const PING_MS = 2000;

/** Whether an engine answers at this socket on a connection of its own. Never rejects. */
export function answersPing(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', agent: false }, (answer) => {
      answer.resume();
      clearTimeout(timer);
      resolve((answer.statusCode ?? 500) < 500);
    });
    const timer = setTimeout(() => ping.destroy(new Error('no answer in time')), PING_MS);
    ping.on('error', () => {
      clearTimeout(timer);
      resolve(false);
    });
    ping.end();
  });
}

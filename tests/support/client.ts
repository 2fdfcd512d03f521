import type { RunningService } from './start-service.ts';

/** What an end-to-end test reads of an execute answer. */
export interface ShortAnswer {
  readonly id: string;
  readonly outcome: string;
  readonly exitCode: number;
  readonly artifacts: { readonly outputs: Readonly<Record<string, string>> };
  readonly files: readonly { readonly name: string; readonly size: number; readonly truncated: boolean }[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

export function send(
  service: Pick<RunningService, 'url'>,
  fields: Readonly<Record<string, unknown>>,
  { signal, headers }: { readonly signal?: AbortSignal; readonly headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(`${service.url}/run`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ sessionId: 'e2e', ...fields }),
    ...(signal === undefined ? {} : { signal }),
  });
}

export async function run(
  service: Pick<RunningService, 'url'>,
  fields: Readonly<Record<string, unknown>>,
): Promise<ShortAnswer> {
  const response = await send(service, fields);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return JSON.parse(text) as ShortAnswer;
}

export async function textOf(answer: ShortAnswer, name: string): Promise<string> {
  const response = await fetch(answer.artifacts.outputs[name] ?? '');
  if (response.status !== 200) throw new Error(`${name}: ${response.status}`);
  return response.text();
}

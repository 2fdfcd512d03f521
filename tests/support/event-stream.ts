/** An event as it arrived. */
export interface ReceivedEvent {
  readonly id: number;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads server-sent events as `EventSource` would; throws when the stream breaks within one. Comments are left out. */
export async function* readEvents(response: Response): AsyncGenerator<ReceivedEvent> {
  const type = response.headers.get('content-type') ?? '';
  if (response.status !== 200 || !type.startsWith('text/event-stream'))
    throw new Error(`no event stream: ${response.status} ${type} ${await response.text()}`);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk, { stream: true });
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) if (!block.startsWith(':')) yield toEvent(block);
  }
  if (rest !== '') throw new Error(`the stream ended within an event: ${rest.slice(0, 200)}`);
}

function toEvent(block: string): ReceivedEvent {
  const fields = block.split('\n').map((line) => {
    const [, name = '', value = ''] = /^(\w+): (.*)$/s.exec(line) ?? [];
    return [name, value] as const;
  });
  if (fields.map(([name]) => name).join() !== 'id,event,data') throw new Error(`no event: ${block}`);
  const { id, event = '', data = '' } = Object.fromEntries(fields);
  return { id: Number(id), event, data: JSON.parse(data) as Record<string, unknown> };
}

export async function allEvents(response: Response): Promise<ReceivedEvent[]> {
  const events: ReceivedEvent[] = [];
  for await (const event of readEvents(response)) events.push(event);
  return events;
}

/** The bytes that the events of a stream carry. */
export function bytesOf(events: readonly ReceivedEvent[], stream: 'stdout' | 'stderr'): Buffer {
  return Buffer.concat(
    events
      .filter(({ event }) => event === stream)
      .map(({ data }) =>
        typeof data.text === 'string' ? Buffer.from(data.text) : Buffer.from(String(data.base64), 'base64'),
      ),
  );
}

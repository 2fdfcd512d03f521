import { describe, expect, it } from 'vitest';
import { assertPortFree, findPortHolder, listeningInodes } from '../../scripts/lib/port.js';
import { NOT_LINUX, titleOf } from '../support/skips.ts';
import { answers, portOf, serve } from './fixtures.ts';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
`;

describe('a port', () => {
  it('is held by the socket that listens, not by a connection to it', () => {
    expect(listeningInodes(TABLE, 8080)).toEqual(['4711']);
    expect(listeningInodes('', 8080)).toEqual([]);
  });

  it.skipIf(NOT_LINUX !== undefined)(
    titleOf('that is taken ends the set-up with 2 and names the holder', NOT_LINUX),
    async () => {
      const port = portOf(await serve(0, answers({})));
      expect(await findPortHolder(port)).toMatchObject({ pid: process.pid });
      await expect(assertPortFree('127.0.0.1', port)).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringMatching(
          new RegExp(`Port ${port} is taken by .*\\(pid ${process.pid}\\).*PORT=${port + 1}`),
        ),
      });
    },
  );

  it('that is free is left free', async () => {
    const server = await serve(0, answers({}));
    const port = portOf(server);
    await new Promise((resolve) => server.close(resolve));
    await assertPortFree('127.0.0.1', port);
    await assertPortFree('127.0.0.1', port);
  });

  it('on an address of another machine says which setting to change', async () => {
    await expect(assertPortFree('192.0.2.1', 8080)).rejects.toThrow(/Set HOST/);
  });
});

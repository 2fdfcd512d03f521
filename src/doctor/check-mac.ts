import type { RuntimeInfo } from '../core/container-runtime.ts';
import type { Finding } from '../core/finding.ts';

/** Which of a Mac's two sockets goes where, a sentence. */
export const MAC_SOCKETS =
  "On a Mac with Podman a service on the Mac uses the forwarded socket that `podman machine inspect` names; compose mounts the machine's own, /run/podman/podman.sock (rootless: /run/user/501/podman/podman.sock).";

export interface MacSetUp {
  /** As Node names it: `linux`, `darwin`. */
  readonly platform: string;
  readonly storagePath: string;
  /** The engine that answers; absent: none does. */
  readonly engine?: RuntimeInfo['name'];
}

/** What goes wrong on a Mac alone, where containers are in a machine that shares some of the Mac's folders. */
export function checkMac({ platform, storagePath, engine }: MacSetUp): readonly Finding[] {
  if (platform !== 'darwin') return [];
  return [...(engine === 'podman' ? [SOCKETS] : []), ...checkFolder(storagePath, engine)];
}

const SOCKETS: Finding = { name: 'mac_sockets', status: 'ok', seen: MAC_SOCKETS, how: 'Podman answers' };

/** Docker Desktop shares these by default, Podman's machine doesn't share them all; the row `storage` shows what is so. */
function checkFolder(storagePath: string, engine: MacSetUp['engine']): readonly Finding[] {
  if (!/^\/(private|tmp|var\/folders)(\/|$)/.test(storagePath)) return [];
  return [
    {
      name: 'mac_storage',
      status: engine === 'podman' ? 'fail' : 'warn',
      asked: "a folder that the engine's machine shares",
      seen: 'one below /tmp, /private or /var/folders, of which the machine may have its own',
      how: 'AA_STORAGE_PATH',
      cure: 'Set AA_STORAGE_PATH=$HOME/aa-storage.',
    },
  ];
}

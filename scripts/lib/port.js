import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { runProgram } from './run-program.js';
import { SetupError } from './setup-error.js';

/**
 * Ends the set-up when somebody else has the port, and says who.
 *
 * @param {string} host
 * @param {number} port
 */
export async function assertPortFree(host, port) {
  const code = await tryToListen(host, port);
  if (code === undefined) return;
  if (code === 'EADDRINUSE') {
    const holder = await findPortHolder(port);
    const cure = holder ? `Stop it (kill ${holder.pid})` : 'Stop it';
    const who = holder ? `${holder.program} (pid ${holder.pid})` : 'another program, of another user perhaps';
    throw new SetupError(
      `Port ${port} is taken by ${who}. ${cure}, or choose another: PORT=${port + 1} npm start`,
    );
  }
  if (code === 'EACCES')
    throw new SetupError(
      `This user may not listen on port ${port}. Choose one above 1023: PORT=8080 npm start`,
    );
  throw new SetupError(
    `Can't listen on ${host}:${port} (${code}). Set HOST to an address of this machine, like 127.0.0.1.`,
  );
}

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<string | undefined>} the error's code
 */
function tryToListen(host, port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) =>
      resolve(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message),
    );
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/**
 * Which process listens on a TCP port; undefined when this user can't see it.
 *
 * @param {number} port
 * @returns {Promise<{ pid: number, program: string } | undefined>}
 */
export async function findPortHolder(port) {
  if (process.platform !== 'linux') return askLsof(port);
  const inodes = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => listeningInodes(readText(path), port)),
  );
  const pid = inodes.size > 0 ? findOwner(inodes) : undefined;
  return pid === undefined ? undefined : { pid, program: describeProcess(pid) };
}

/**
 * Socket inodes that listen on a port, from the text of `/proc/net/tcp` (state 0A is LISTEN; the port is in hex).
 *
 * @param {string} table
 * @param {number} port
 */
export function listeningInodes(table, port) {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A' && fields[1]?.endsWith(suffix))
    .flatMap((fields) => fields[9] ?? []);
}

/** @param {ReadonlySet<string>} inodes */
function findOwner(inodes) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const link of readLinks(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
      if (inode !== undefined && inodes.has(inode)) return Number(pid);
    }
  }
  return undefined;
}

/**
 * What the links of a folder point to; a process that ends while it is read is no error.
 *
 * @param {string} folder
 */
function readLinks(folder) {
  try {
    return readdirSync(folder).flatMap((name) => {
      try {
        return readlinkSync(`${folder}/${name}`);
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

/** @param {number} pid */
function describeProcess(pid) {
  const command = readText(`/proc/${pid}/cmdline`).split('\0').filter(Boolean).join(' ');
  const text = command || readText(`/proc/${pid}/comm`).trim() || 'a process';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** @param {string} path */
function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** @param {number} port */
async function askLsof(port) {
  const { code, tail } = await runProgram('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']);
  const pid = /^p(\d+)$/m.exec(tail)?.[1];
  if (code !== 0 || pid === undefined) return undefined;
  return { pid: Number(pid), program: /^c(.+)$/m.exec(tail)?.[1] ?? 'a process' };
}

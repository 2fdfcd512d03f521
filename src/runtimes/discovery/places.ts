/** The kinds of engine that the service can be told to use. */
export type EngineChoice = 'auto' | 'docker' | 'podman';

export interface SocketPlaces {
  /** Set by the operator: then it's the only place. */
  readonly socketPath?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly home: string;
  /** The user's id, for a runtime folder that the environment doesn't name. */
  readonly uid?: number;
  /** What stands before the system's own places; absent: nothing. */
  readonly root?: string;
}

export interface SocketPlace {
  readonly path: string;
  /** Who named it, for the message when nothing answers there. */
  readonly origin:
    | 'DOCKER_SOCKET_PATH'
    | 'DOCKER_HOST'
    | 'CONTAINER_HOST'
    | 'usual for Docker'
    | 'usual for Podman';
}

/** Somebody named the place, so whatever engine answers there is meant. */
export function isNamed({ origin }: SocketPlace): boolean {
  return !origin.startsWith('usual');
}

/** Where an engine may listen, in the order in which they are preferred; each path once. */
export function socketPlaces(places: SocketPlaces, choice: EngineChoice): readonly SocketPlace[] {
  if (places.socketPath !== undefined) return [{ path: places.socketPath, origin: 'DOCKER_SOCKET_PATH' }];
  const docker = dockerPlaces(places).map((path): SocketPlace => ({ path, origin: 'usual for Docker' }));
  const podman = podmanPlaces(places).map((path): SocketPlace => ({ path, origin: 'usual for Podman' }));
  // Podman may serve Docker's socket, for programs that know no other; Docker never serves Podman's.
  const usual = { auto: [...docker, ...podman], docker, podman: [...podman, ...docker] }[choice];
  const all = [...namedPlaces(places.env, choice), ...usual];
  return all.filter(({ path }, index) => all.findIndex((other) => other.path === path) === index);
}

/** What the environment names but can't be used, a line each. */
export function unusableNames({ socketPath, env }: SocketPlaces): readonly string[] {
  if (socketPath !== undefined) return [];
  return (['DOCKER_HOST', 'CONTAINER_HOST'] as const).flatMap((name) => {
    const value = env[name] ?? '';
    const usable = value === '' || value.startsWith('unix://');
    return usable ? [] : [`${name}=${withoutUserInfo(value)}: not a unix socket, skipped`];
  });
}

function namedPlaces(env: SocketPlaces['env'], choice: EngineChoice): SocketPlace[] {
  const names = ['DOCKER_HOST', 'CONTAINER_HOST'] as const;
  return (choice === 'podman' ? names.toReversed() : names).flatMap((origin) => {
    const value = env[origin] ?? '';
    return value.startsWith('unix://') ? [{ path: value.slice('unix://'.length), origin }] : [];
  });
}

/** Docker Engine, Docker Desktop, Colima, OrbStack, Rancher Desktop, rootless Docker. */
function dockerPlaces({ env, platform, home, root = '', uid }: SocketPlaces): string[] {
  const system = `${root}/var/run/docker.sock`;
  const ofUser = ['.docker/run', '.colima/default', '.config/colima/default', '.rd'];
  const more = platform === 'darwin' ? ['.orbstack/run'] : ['.docker/desktop'];
  const own = [...ofUser, ...more].map((folder) => `${home}/${folder}/docker.sock`);
  return platform === 'darwin'
    ? [system, ...own]
    : [system, ...runtimeFolders(env, root, uid).map((folder) => `${folder}/docker.sock`), ...own];
}

/** The system's service and the user's own on Linux, the machine's forwarded sockets on macOS. */
function podmanPlaces({ env, platform, home, root = '', uid }: SocketPlaces): string[] {
  if (platform === 'darwin') {
    const machine = `${home}/.local/share/containers/podman/machine`;
    const temporary = env.TMPDIR?.replace(/\/$/, '') ?? '/tmp';
    return [
      `${temporary}/podman/podman-machine-default-api.sock`,
      `${machine}/podman.sock`,
      `${machine}/podman-machine-default/podman.sock`,
      `${machine}/qemu/podman.sock`,
    ];
  }
  const ofUser = runtimeFolders(env, root, uid).map((folder) => `${folder}/podman/podman.sock`);
  const ofSystem = `${root}/run/podman/podman.sock`;
  return uid === 0 ? [ofSystem, ...ofUser] : [...ofUser, ofSystem];
}

function runtimeFolders(env: SocketPlaces['env'], root: string, uid: number | undefined): string[] {
  const named = env.XDG_RUNTIME_DIR ?? '';
  if (named !== '') return [named];
  return uid === undefined || uid === 0 ? [] : [`${root}/run/user/${uid}`];
}

function withoutUserInfo(host: string): string {
  return host.replace(/\/\/[^/@]*@/, '//');
}

/**
 * @typedef {object} Entry
 * @property {string} [version]
 * @property {boolean} [dev]
 * @property {boolean} [optional]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 * @property {Record<string, string>} [optionalDependencies]
 */

/** @typedef {Record<string, Entry>} Packages the `packages` of a `package-lock.json` */

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];

/**
 * Optional packages that others ask for and the lock file doesn't know. npm leaves out what its registry lacks (a
 * mirror may hold some platforms only), and then `npm ci` refuses the lock file on every machine.
 *
 * @param {Packages} packages
 * @returns {{ path: string, entry: Entry }[]}
 */
export function findMissingEntries(packages) {
  const missing = new Map();
  for (const [owner, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const path = `node_modules/${name}`;
      if (packages[path] || packages[`${owner}/${path}`] || missing.has(path)) continue;
      const { os, cpu, libc } = toPlatform(name);
      // npm's own order of fields, so that its next installation leaves the file as it is.
      missing.set(path, {
        version,
        ...(cpu && { cpu }),
        ...(dev && { dev }),
        ...(libc && { libc }),
        optional: true,
        ...(os && { os }),
      });
    }
  }
  return [...missing].map(([path, entry]) => ({ path, entry }));
}

/**
 * The platform that a binary's package is for, by the words of its name.
 *
 * @param {string} name
 * @returns {Pick<Entry, 'os' | 'cpu' | 'libc'>}
 */
export function toPlatform(name) {
  const words = name.split(/[-/]/);
  const os = words.filter((word) => SYSTEMS.includes(word));
  const cpu = words.filter((word) => PROCESSORS.includes(word));
  if (os.length === 0 && cpu.length === 0)
    throw new Error(`${name} names no platform: add it to package-lock.json by hand`);
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu'))
      ? ['glibc']
      : [];
  return { ...(cpu.length > 0 && { cpu }), ...(libc.length > 0 && { libc }), ...(os.length > 0 && { os }) };
}

/**
 * The packages with what they lack, in npm's order.
 *
 * @param {Packages} packages
 * @returns {Packages}
 */
export function completePackages(packages) {
  const added = findMissingEntries(packages).map(({ path, entry }) => /** @type {const} */ ([path, entry]));
  const all = [...Object.entries(packages), ...added];
  return Object.fromEntries(all.sort(([a], [b]) => a.localeCompare(b, 'en')));
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { installAdvice, installEngine, readSystem, usesApt } from '../../scripts/lib/engine-install.js';
import { SetupError } from '../../scripts/lib/setup-error.js';
import { installPackages } from '../../scripts/lib/system-packages.js';
import { makeFolder, makePrograms } from './fixtures.ts';

const UBUNTU = readSystem('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n', 'linux');
const FEDORA = readSystem('ID=fedora\nVERSION_ID=43\n', 'linux');
const MAC = readSystem('', 'darwin');

const situation = (over: object) => ({ root: true, terminal: false, ci: false, yes: false, ...over });

/** A PATH with an apt-get that writes down how it was called. */
function makeApt(exitCode = 0) {
  const log = join(makeFolder(), 'calls');
  const folder = makePrograms({
    'apt-get': `echo "$DEBIAN_FRONTEND $*" >> '${log}'\necho oops\nexit ${exitCode}`,
  });
  const calls = () => {
    try {
      return readFileSync(log, 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  };
  return { env: { PATH: `${folder}:/usr/bin:/bin` }, calls };
}

const request = (over: object) => ({
  packages: ['docker.io', 'iptables'],
  why: 'No engine.',
  situation: situation(over),
});

describe('which system this is', () => {
  it('reads the distribution from os-release', () => {
    expect(UBUNTU).toEqual({ platform: 'linux', families: ['ubuntu', 'debian'], codename: 'noble' });
    expect(usesApt(UBUNTU)).toBe(true);
    expect(usesApt(FEDORA)).toBe(false);
    expect(usesApt(MAC)).toBe(false);
  });

  it('names commands for systems that it does not install on', () => {
    expect(installAdvice(FEDORA).join('\n')).toContain('dnf install');
    expect(installAdvice(MAC).join('\n')).toContain('colima');
  });

  it('ends with 2 and the commands there', async () => {
    const failure = installEngine(FEDORA, situation({}), {});
    await expect(failure).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('dnf install'),
    });
  });
});

describe('installing packages', () => {
  it('updates, then installs without recommends and without questions', async () => {
    const { env, calls } = makeApt();
    await installPackages(request({ ci: true }), { env });
    expect(calls()).toEqual([
      'noninteractive -o DPkg::Lock::Timeout=120 update',
      'noninteractive -o DPkg::Lock::Timeout=120 install -y --no-install-recommends docker.io iptables',
    ]);
  });

  it('runs nothing without root, names the commands and ends with 2', async () => {
    const { env, calls } = makeApt();
    const failure = installPackages(request({ root: false }), { env });
    await expect(failure).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('sudo apt-get install -y --no-install-recommends docker.io iptables'),
    });
    expect(calls()).toEqual([]);
  });

  it('asks a person, and a no installs nothing', async () => {
    const { env, calls } = makeApt();
    const ask = vi.fn(async () => false);
    const failure = installPackages(request({ terminal: true }), { env, ask });
    await expect(failure).rejects.toBeInstanceOf(SetupError);
    expect(ask).toHaveBeenCalledWith(expect.stringContaining('docker.io, iptables'));
    expect(calls()).toEqual([]);
  });

  it('does not ask when nobody is at the terminal', async () => {
    const { env, calls } = makeApt();
    const ask = vi.fn(async () => false);
    await installPackages(request({}), { env, ask });
    expect(ask).not.toHaveBeenCalled();
    expect(calls()).toHaveLength(2);
  });

  it('stops at the first failure with what apt-get said', async () => {
    const { env, calls } = makeApt(100);
    await expect(installPackages(request({ yes: true }), { env })).rejects.toThrow(
      /apt-get update failed:\noops/,
    );
    expect(calls()).toHaveLength(1);
  });
});

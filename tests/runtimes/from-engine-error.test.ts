import { describe, expect, it } from 'vitest';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import { fromEngineError } from '../../src/runtimes/docker/from-engine-error.ts';
import { exitCodeOfStartFailure } from '../../src/runtimes/shared/translate-error.ts';

const answered = (statusCode: number, message: string) =>
  Object.assign(new Error(`(HTTP code ${statusCode}) unexpected - ${message} `), { statusCode });
const failed = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe('fromEngineError', () => {
  it.each([
    [failed('ENOENT'), 'unavailable'],
    [failed('ECONNREFUSED'), 'unavailable'],
    [failed('ECONNRESET'), 'unavailable'],
    [failed('EACCES'), 'permission_denied'],
    [failed('EPERM'), 'permission_denied'],
    [new Error('socket hang up'), 'unavailable'],
    ['a string', 'unavailable'],
    [answered(404, 'No such container: abc'), 'not_found'],
    [answered(404, 'No such image: aa-worker:gone'), 'image_not_found'],
    [answered(409, 'removal of container abc is already in progress'), 'conflict'],
    [answered(304, 'container already started'), 'conflict'],
    [answered(400, 'Unknown runtime specified nope'), 'runtime_unknown'],
    [answered(400, 'unknown or invalid runtime name: nope'), 'runtime_unknown'],
    [
      answered(400, 'invalid mount config for type "bind": bind source path does not exist: /x'),
      'mount_missing',
    ],
    [answered(500, 'driver failed'), 'engine_failed'],
    [answered(418, 'a teapot'), 'engine_failed'],
  ])('%s is %s', (cause, code) => {
    const error = fromEngineError(cause, 'create');
    expect(error).toBeInstanceOf(RuntimeError);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^create: /);
    expect(error.cause).toBe(cause);
  });

  it('passes its own errors on', () => {
    const error = new RuntimeError('limit_discarded', 'x');
    expect(fromEngineError(error, 'create')).toBe(error);
  });
});

describe('exitCodeOfStartFailure', () => {
  const OCI = 'OCI runtime create failed: container_linux.go:380: starting container process caused: exec: ';
  it.each([
    [`${OCI}"nope": executable file not found in $PATH: unknown`, 127],
    [`${OCI}"/nope": stat /nope: no such file or directory: unknown`, 127],
    [`${OCI}"/etc/passwd": permission denied: unknown`, 126],
    [`${OCI}"/x": exec format error`, 126],
    [
      'crun: executable file `nope` not found in $PATH: No such file or directory: OCI runtime attempted',
      127,
    ],
    ['driver failed programming external connectivity: permission denied', undefined],
    ['cgroups: cannot write: no such file or directory', undefined],
  ])('%s: %s', (message, code) => {
    expect(exitCodeOfStartFailure(new RuntimeError('engine_failed', message))).toBe(code);
  });

  it('is nothing for an engine that is away', () => {
    expect(
      exitCodeOfStartFailure(new RuntimeError('unavailable', `${OCI}"x": permission denied`)),
    ).toBeUndefined();
  });
});

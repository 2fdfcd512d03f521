import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { createRuntime } from '../../src/runtimes/index.ts';
import { gather } from '../contract/container-runtime/subject.ts';
import { sampleSpec } from '../support/sample-spec.ts';
import { startScriptedEngine } from '../support/scripted-engine.ts';

interface Rule {
  readonly method: string;
  readonly pattern: string;
}

/** What engine-proxy/haproxy.cfg lets through. Throws at a rule of a shape that isn't known here. */
function readRules(): readonly Rule[] {
  const text = readFileSync(new URL('../../engine-proxy/haproxy.cfg', import.meta.url), 'utf8');
  const methods = new Map(
    [...text.matchAll(/^ +acl (\w+) method (\w+)$/gm)].map(([, name = '', method = '']) => [name, method]),
  );
  return [...text.matchAll(/^ +http-request allow (.*)$/gm)].map(([line, condition = '']) => {
    const [, name = '', pattern = ''] =
      /^if (\w+) (?:!\{ path_sub \.\. \} )?\{ path_reg (\S+) \}$/.exec(condition) ?? [];
    const method = methods.get(name);
    if (method === undefined) throw new Error(`not understood: ${line}`);
    return { method, pattern };
  });
}

/** Each route that a rule is for, an id or a reference written `*`. */
function routesOf({ method, pattern }: Rule): readonly string[] {
  const path = pattern
    .replace(/^\^\(\/v\[0-9\.\]\+\)\?\(\/libpod\)\?/, '')
    .replace(/\$$/, '')
    .replace(/\[A-Za-z0-9\]\[[^\]]*\]\*/, '*');
  const [, before = '', choice = ''] = /^(.*)\((.*)\)$/.exec(path) ?? [];
  const paths = choice === '' ? [path] : choice.split('|').map((each) => `${before}${each}`);
  return paths.map((each) => `${method} ${each}`);
}

interface Asked {
  readonly requests: readonly string[];
  readonly targets: readonly string[];
}

/** A container's whole life, and all else that the contract knows. */
async function askEverything(component: string): Promise<Asked> {
  const engine = await startScriptedEngine({ components: [component] });
  const where = { env: {}, platform: 'linux', home: '/nowhere', socketPath: engine.socketPath };
  const runtime = createRuntime({ ...where, kind: 'auto', logger: silentLogger });
  try {
    await runtime.info();
    await runtime.ensureImage('registry.example/team/aa-worker:latest');
    const id = await runtime.create(sampleSpec());
    // A refused attach first, whose reason Podman is asked for.
    engine.script('POST /containers/*/attach', { status: 500 });
    await expect(runtime.start(id, { stdout: gather(), stderr: gather() })).rejects.toThrow();
    const { exited } = await runtime.start(id, { stdout: gather(), stderr: gather() });
    await runtime.kill(id, 'SIGTERM');
    engine.exit(143);
    await exited;
    await runtime.inspect(id);
    await runtime.list({ labels: {} });
    await runtime.remove(id);
    return { requests: [...engine.requests], targets: [...engine.targets] };
  } finally {
    await runtime.close();
    await engine.close();
  }
}

describe('the engine proxy’s list of routes', () => {
  const rules = readRules();
  const asked = new Map<string, Asked>();

  beforeAll(async () => {
    for (const component of ['Engine', 'Podman Engine']) asked.set(component, await askEverything(component));
  });

  it.each(['Engine', 'Podman Engine'])('has every one that the driver of %s asks for', (component) => {
    const { targets = [] } = asked.get(component) ?? {};
    expect(targets.length).toBeGreaterThan(8);
    const refused = targets.filter((target) => {
      const [method = '', url = ''] = target.split(' ');
      const path = url.replace(/\?.*$/, '');
      return !rules.some((rule) => rule.method === method && new RegExp(rule.pattern).test(path));
    });
    expect(refused).toEqual([]);
  });

  it('has none that no driver asks for', () => {
    const all = [...asked.values()].flatMap(({ requests }) => requests);
    const used = new Set(all.map((route) => route.replace('/libpod/', '/')));
    expect(rules.flatMap(routesOf).filter((route) => !used.has(route))).toEqual([]);
  });
});

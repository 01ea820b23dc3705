/** Containers as webpack and both ways of Rspack make them, and the one scope that they share. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { IContainer } from '../src/boot';
import { exportsOf, open, type Scope } from '../src/federation';
import type { IApp } from '../src/plugin';
import { delegate, page, states, TestApp } from './apps';

/** What a container's module needs of the scope, and how it was told to choose. */
interface INeed {
  readonly name: string;
  readonly major: number;
  readonly singleton?: boolean;
  /** Of one that is bundled as well. */
  readonly fallback?: () => unknown;
}

type Made = { init(scope: Scope): unknown; get(module: string): Promise<() => unknown> };

const GLOBAL = '_TEST';
const made: Record<string, Made> = {};

beforeEach(() => {
  (window as any)[GLOBAL] = {};
  for (const name of Object.keys(made)) {
    delete made[name];
  }
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});
afterEach(() => {
  delete (window as any)[GLOBAL];
});

const major = (version: string): number => Number.parseInt(version, 10);
const fits = (versions: string[], need: INeed): string | undefined =>
  versions.filter(each => major(each) === need.major).sort()[0];

/** Webpack 5, and Rspack since it has gone back to webpack's way. */
function webpack(name: string, needs: INeed[], run: (...shared: any[]) => unknown): Made {
  let scope: Scope | undefined;
  return {
    init(given) {
      if (scope && scope !== given) {
        throw new Error(
          'Container initialization failed as it has already been initialized with a different share scope'
        );
      }
      scope = given;
      scope[name] ??= {};
      scope[name]['1.0.0'] ??= { get: () => () => `${name} itself`, from: name, eager: false };
      return 1;
    },
    async get(module) {
      if (module !== './extension') {
        throw new Error(`Module "${module}" does not exist in container.`);
      }
      const found = await Promise.all(
        needs.map(need => {
          const versions = scope?.[need.name];
          if (!versions) {
            return () => {
              throw new Error(`Shared module ${need.name} doesn't exist in shared scope default`);
            };
          }
          const keys = Object.keys(versions);
          const version = need.singleton
            ? (keys.find(each => versions[each].loaded) ?? keys[0])
            : (fits(keys, need) ?? keys[0]);
          return versions[version].get() as () => unknown;
        })
      );
      return () => run(...found.map(factory => factory()));
    }
  };
}

/** Rspack with the run time of Module Federation 2. */
function federation2(name: string, needs: INeed[], run: (...shared: any[]) => unknown): Made {
  let scope: Scope = {};
  return {
    async init(given) {
      scope = given; // another one silently takes its place
    },
    async get() {
      const found = await Promise.all(
        needs.map(async need => {
          const versions = scope[need.name] ?? {};
          const keys = Object.keys(versions);
          const version = need.singleton ? keys[0] : fits(keys, need);
          if (version === undefined) {
            return (
              need.fallback ??
              (() => {
                throw new Error(
                  `The getter for the shared module is not a function. #RUNTIME-012\nargs: {"shareKey":"${need.name}"}`
                );
              })
            );
          }
          const entry = versions[version] as any;
          const lib = entry.lib ?? (await entry.get());
          for (const each of entry.scope ?? ['default']) {
            expect(each).toBe('default');
          }
          versions[entry.version] = { ...entry, lib, loaded: true, from: name, useIn: [name] };
          return lib;
        })
      );
      return () => run(...found.map(factory => factory()));
    }
  };
}

const module = (exported: unknown) =>
  Object.defineProperty({ default: exported }, '__esModule', { value: true });

const container = (name: string, rest: Partial<IContainer> = {}): IContainer => ({
  package: name,
  version: '1.0.0',
  script: `/${name}.js`,
  modules: ['./extension'],
  styles: [],
  ...rest
});

/** Open containers in a page that shares these modules; a script puts in what `made` has. */
function opened(
  shared: Record<string, { versions: string[]; namespace: object }>,
  containers = Object.keys(made).map(name => container(name)),
  deadline: Promise<unknown> = new Promise(() => undefined)
) {
  const versions = Object.entries(shared).map(([name, each]) => [name, each.versions]);
  return open(
    { global: GLOBAL, shared: Object.fromEntries(versions), containers },
    async name => shared[name].namespace as any,
    deadline,
    async url => {
      const name = url.slice(1, -3);
      await (made[name] as any).arrives;
      (window as any)[GLOBAL][name] = made[name];
    }
  );
}

const namespace = (exports: object): object =>
  Object.freeze(Object.assign(Object.create(null), exports));

const lumino = { versions: ['2.8.0'], namespace: namespace({ Widget: class {} }) };
const several = { versions: ['4.6.4', '4.999.0'], namespace: namespace({ Cell: class {} }) };
class Component {}
const exported = { Component };
const react = {
  versions: ['18.2.0'],
  namespace: namespace({ Component, default: exported, 'module.exports': exported })
};
const needs: INeed[] = [
  { name: 'lumino', major: 2, singleton: true },
  { name: 'several', major: 4 },
  { name: 'react', major: 18, singleton: true }
];

describe('open', () => {
  it('gives all kinds of containers the same modules', async () => {
    const run = (...shared: unknown[]) => module([shared]);
    made.w5 = webpack('w5', needs, run);
    made.mf2 = federation2('mf2', needs, run);
    made.v1 = webpack('v1', needs, run);
    const found = await Promise.all(opened({ lumino, several, react }));
    const [[first], [second], [third]] = found as any[][][];
    expect(first.map((each, i) => [each === second[i], each === third[i]])).toEqual([
      [true, true],
      [true, true],
      [true, true]
    ]);
    expect([first[0].Widget, first[1].Cell]).toEqual([
      (lumino.namespace as any).Widget,
      (several.namespace as any).Cell
    ]);
    expect(first[0].__esModule).toBe(true);
    expect(first[2]).toBe(exported);
  });

  it('leaves no version "undefined" behind, whoever writes back', async () => {
    let seen: Scope = {};
    made.w5 = webpack('w5', [], () => module([]));
    made.mf2 = federation2('mf2', [...needs, { name: 'w5', major: 1 }], () => module([]));
    const { init } = made.mf2;
    made.mf2.init = scope => {
      seen = scope;
      return init(scope);
    };
    await Promise.all(opened({ lumino, several, react }));
    const versions = Object.fromEntries(
      Object.entries(seen).map(([name, each]) => [name, Object.keys(each)])
    );
    expect(versions).toEqual({
      lumino: ['2.8.0'],
      several: ['4.6.4', '4.999.0'],
      react: ['18.2.0'],
      w5: ['1.0.0']
    });
    expect(seen.w5['1.0.0']).toMatchObject({ version: '1.0.0', scope: ['default'] });
  });

  it('asks none for a module before all have seen the scope', async () => {
    const slow = delegate<void>();
    made.user = webpack('user', [{ name: 'library', major: 1, singleton: true }], found =>
      module([found])
    );
    made.library = Object.assign(
      webpack('library', [], () => module([])),
      { arrives: slow.promise }
    );
    const [user] = opened({});
    slow.resolve();
    expect(await user).toEqual(['library itself']);
  });

  it('waits for one that hangs until the deadline, and not longer', async () => {
    const deadline = delegate<void>();
    made.hanging = Object.assign(
      webpack('hanging', [], () => module([])),
      { arrives: new Promise(() => undefined) }
    );
    made.user = webpack('user', [{ name: 'lumino', major: 2 }], () => module(['used']));
    const [, user] = opened({ lumino }, undefined, deadline.promise);
    deadline.resolve();
    expect(await user).toEqual(['used']);
  });

  it.each([
    ['webpack', webpack],
    ['Module Federation 2', federation2]
  ])('says which shared module is missing for %s', async (_, kind) => {
    made.needy = kind('needy', [{ name: '@acme/chart', major: 1 }], () => module([]));
    const [needy] = opened({});
    await expect(needy).rejects.toMatchObject({
      message: expect.stringContaining('Its module "./extension" cannot be used: '),
      hint: 'It needs "@acme/chart", which this page does not share in a version that fits: install what brings it, or another version of "needy".'
    });
  });

  it('takes what is bundled where the page has no version that fits', async () => {
    made.mf2 = federation2(
      'mf2',
      [{ name: 'several', major: 5, fallback: () => 'its own' }],
      found => module([found])
    );
    expect(await Promise.all(opened({ several }))).toEqual([['its own']]);
  });

  it('knows a container that was given another scope before', async () => {
    made.twice = webpack('twice', [], () => module([]));
    made.twice.init({});
    const [twice] = opened({});
    await expect(twice).rejects.toThrow('cannot be initialised: Container initialization failed');
  });

  it('names a script that makes no container', async () => {
    const [nothing] = open(
      { global: '_NOBODY', shared: {}, containers: [container('nothing')] },
      async () => ({}),
      Promise.resolve(),
      async () => undefined
    );
    await expect(nothing).rejects.toMatchObject({
      message: 'The script /nothing.js makes no container "nothing".',
      hint: 'Reinstall "nothing"; if that does not help, report this to its author.'
    });
  });

  it('takes exports of CommonJS as they are, and goes on without a style', async () => {
    made.plain = webpack('plain', [], () => [{ id: 'plain:plugin' }]);
    const [plain] = opened({}, [container('plain', { styles: ['./style'] })]);
    expect(await plain).toEqual([{ id: 'plain:plugin' }]);
    expect(console.warn).toHaveBeenCalled();
  });
});

it('shows an ES module as compiled code expects it, up to date and open for more', () => {
  let count = 0;
  const live = {
    get count() {
      return count;
    }
  };
  const shown = exportsOf(live) as any;
  count = 7;
  shown.__scope__ = 'mine';
  expect([shown.__esModule, shown.count, Object.keys(shown)]).toEqual([
    true,
    7,
    ['count', '__scope__']
  ]);
});

describe('a page with containers', () => {
  const off = container('off', { off: 'Somebody has switched it off.' });
  const broken = container('broken', { error: 'It has not been built.', hint: 'Build it.' });
  const federated = (...containers: IContainer[]) =>
    page(() => new TestApp(), {}, undefined, {}, { global: GLOBAL, shared: {}, containers });

  it('asks for none that is off or that the server finds fault with, and says why', async () => {
    const it = federated(off, broken);
    await it.start();
    expect(states(it)).toEqual({ 'app-package': 'active', off: 'disabled', broken: 'failed' });
    expect(it.records.find('off')?.hint).toBe('Somebody has switched it off.');
    expect(it.records.find('broken')).toMatchObject({
      error: 'It has not been built.',
      hint: 'Build it.'
    });
  });

  const scripts: HTMLScriptElement[] = [];
  const scriptOf = (name: string) => scripts.find(({ src }) => src.endsWith(`/${name}.js`));

  beforeEach(() => {
    scripts.length = 0;
    const hold = (...nodes: unknown[]) => void scripts.push(...(nodes as HTMLScriptElement[]));
    vi.spyOn(document.head, 'append').mockImplementation(hold);
  });

  /** What the browser does: run the script, which makes a container of one plugin, and say so. */
  async function arrives(name: string): Promise<unknown[]> {
    const scopes: unknown[] = [];
    await vi.waitFor(() => expect(scriptOf(name)).toBeDefined(), 30_000);
    const plugin = { id: `${name}:plugin`, autoStart: true, activate: () => undefined };
    (window as any)[GLOBAL][name] = {
      init: (scope: unknown) => void scopes.push(scope),
      get: async () => () => module(plugin)
    };
    scriptOf(name)?.dispatchEvent(new Event('load'));
    return scopes;
  }

  it('asks for the later ones when the app says so, and tells it that they are in', async () => {
    const quiet = delegate<void>();
    const told: string[] = [];
    class Quiet extends TestApp {
      readonly quiet = quiet.promise;
      override start(options: Parameters<IApp['start']>[0]): Promise<void> {
        void options.late.then(() => told.push('they are in'));
        return super.start(options);
      }
    }
    const containers = [container('prompt'), container('late', { later: true })];
    const patience = { module: 1000, activate: 1000 };
    const federation = { global: GLOBAL, shared: {}, containers };
    const it = page(() => new Quiet(), {}, patience, {}, federation);
    const start = it.start();
    const first = await arrives('prompt');
    await start;
    expect(states(it)).toMatchObject({ 'prompt:plugin': 'active' });
    expect([scriptOf('late'), told]).toEqual([undefined, []]);
    quiet.resolve();
    const second = await arrives('late');
    await vi.waitFor(() => expect(told).toEqual(['they are in']), 30_000);
    expect(states(it)).toMatchObject({ late: 'active', 'late:plugin': 'active' });
    expect(second[0], 'one scope for all').toBe(first[0]);
  });

  it('asks for them at once where the app has nothing to say', async () => {
    const it = federated(container('willing', { later: true }));
    const start = it.start();
    await arrives('willing');
    await start;
    await vi.waitFor(
      () => expect(states(it)).toMatchObject({ 'willing:plugin': 'active' }),
      30_000
    );
  });
});

/** `definePlugin`: a plain Lumino plugin out, and wrong arguments do not compile. */

import { describe, expect, it, vi } from 'vitest';
import { definePlugin, type Keep } from '../src/plugin';
import { ICounter, IGreeter, type TestApp } from './apps';

it('returns a plain plugin that activates with the page', () => {
  const activate = (_app: TestApp, _greeter: IGreeter, _counter: ICounter | null): void =>
    undefined;
  expect(definePlugin({ id: 'a:b', requires: [IGreeter], optional: [ICounter], activate })).toEqual(
    {
      id: 'a:b',
      autoStart: true,
      requires: [IGreeter],
      optional: [ICounter],
      activate,
      deactivate: undefined
    }
  );
});

it('holds activate to its tokens at compile time', () => {
  const wrong = [
    definePlugin({
      id: 'swapped:plugin',
      requires: [IGreeter, ICounter],
      // @ts-expect-error the arguments are swapped
      activate: (_app: TestApp, _counter: ICounter, _greeter: IGreeter) => undefined
    }),
    definePlugin({
      id: 'careless:plugin',
      optional: [IGreeter],
      // @ts-expect-error an optional service may be null
      activate: (_app: TestApp, _greeter: IGreeter) => undefined
    }),
    definePlugin({
      id: 'liar:plugin',
      provides: IGreeter,
      // @ts-expect-error what it returns is not what it provides
      activate: (_app: TestApp) => ({ count: 1 })
    })
  ];
  expect(wrong.map(({ id }) => id)).toHaveLength(3);
});

describe('keep', () => {
  /** A plugin that keeps three things, the second of which can be made to throw, and their log. */
  function keeper(activate: (keep: Keep) => unknown = () => undefined) {
    const log: string[] = [];
    const plugin = definePlugin({
      id: 'keeper:plugin',
      optional: [ICounter],
      activate: (_app: TestApp, _counter, keep) => {
        keep(() => log.push('function'));
        const object = keep({ name: 'object', dispose: () => void log.push('object') });
        keep(async () => log.push(object.name.toUpperCase()));
        return activate(keep) as undefined;
      },
      deactivate: (_app, counter) => void log.push(`own, with ${counter}`)
    });
    return { plugin, log };
  }

  it('undoes on deactivation what was kept, the last first, after the own deactivate', async () => {
    const { plugin, log } = keeper();
    for (const _ of [1, 2]) {
      log.length = 0;
      await plugin.activate({} as TestApp, null);
      await plugin.deactivate?.({} as TestApp, null);
      await plugin.deactivate?.({} as TestApp, null);
      expect(log).toEqual(['own, with null', 'OBJECT', 'object', 'function', 'own, with null']);
    }
  });

  it('undoes the rest when one of them throws, and says so', async () => {
    const { plugin, log } = keeper(keep =>
      keep(() => {
        throw new Error('stuck');
      })
    );
    await plugin.activate({} as TestApp, null);
    await expect(plugin.deactivate?.({} as TestApp, null)).rejects.toThrow('stuck');
    expect(log.slice(1)).toEqual(['OBJECT', 'object', 'function']);
  });

  it('undoes what was kept when activation fails half-way', async () => {
    const { plugin, log } = keeper(() => Promise.reject(new Error('half-way')));
    await expect(plugin.activate({} as TestApp, null)).rejects.toThrow('half-way');
    expect(log).toEqual(['OBJECT', 'object', 'function']);
  });

  it('undoes at once what is kept after the end', async () => {
    let later: Keep | undefined;
    const { plugin, log } = keeper(keep => {
      later = keep;
    });
    await plugin.activate({} as TestApp, null);
    await plugin.deactivate?.({} as TestApp, null);
    log.length = 0;
    later?.(() => log.push('late'));
    await vi.waitFor(() => expect(log).toEqual(['late']), 30_000);
  });

  it('makes a plugin that can be deactivated; none without', () => {
    expect(keeper().plugin.deactivate).toBeInstanceOf(Function);
    expect(definePlugin({ id: 'a:b', activate: (_app: TestApp) => undefined }).deactivate).toBe(
      undefined
    );
  });
});

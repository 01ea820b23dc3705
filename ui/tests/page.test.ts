/** A page and what can go wrong in it: each fault is named, and the rest keeps working. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { definePlugin } from '../src/plugin';
import { delegate, ICounter, IGreeter, page, states, TestApp } from './apps';

const greeter = definePlugin({
  id: 'test:greeter',
  provides: IGreeter,
  activate: (_app: TestApp) => ({ greet: () => 'hello' })
});

const greeted: string[] = [];
const guest = definePlugin({
  id: 'guest:plugin',
  requires: [IGreeter],
  activate: (_app: TestApp, service) => {
    greeted.push(service.greet());
  }
});

beforeEach(() => {
  greeted.length = 0;
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

describe('a page', () => {
  it('activates the plugins of the app and of frontends, and records them', async () => {
    const it = page(() => new TestApp([greeter]), { guest: { default: [guest] } });
    await it.start();
    expect(greeted).toEqual(['hello']);
    expect(states(it)).toEqual({
      'app-package': 'active',
      'guest-package': 'active',
      'test:greeter': 'active',
      'guest:plugin': 'active'
    });
    expect(it.records.find('guest:plugin')).toMatchObject({
      extension: 'guest',
      phase: 'activate',
      ms: expect.any(Number),
      error: null
    });
  });

  it('takes from its bundle what is in there, and runs each on its own', async () => {
    const it = page(() => new TestApp([greeter]), { late: { default: [] } }, undefined, {
      broken: () => Promise.reject(new Error('no such luck')),
      guest: () => Promise.resolve({ default: [guest] })
    });
    await it.start();
    expect(greeted).toEqual(['hello']);
    expect(states(it)).toMatchObject({
      'broken-package': 'failed',
      'guest-package': 'active',
      'guest:plugin': 'active',
      'late-package': 'active'
    });
    expect(it.records.find('broken-package')?.error).toBe('no such luck');
  });

  it('goes on without a module that throws, and names it', async () => {
    const it = page(() => new TestApp([greeter]), {
      broken: () => Promise.reject(new Error('no such luck')),
      guest: { default: guest }
    });
    await it.start();
    expect(states(it)).toMatchObject({ 'broken-package': 'failed', 'guest:plugin': 'active' });
    expect(it.records.find('broken-package')).toMatchObject({
      phase: 'import',
      error: 'no such luck',
      hint: 'Report this to the author of "broken-package".'
    });
  });

  it('names the shared package that a module misses', async () => {
    const missing = new TypeError(
      'Failed to resolve module specifier "@acme/shared". Relative references must start with "/".'
    );
    const it = page(() => new TestApp(), { broken: () => Promise.reject(missing) });
    await it.start();
    expect(it.records.find('broken-package')?.hint).toBe(
      'No enabled extension provides "@acme/shared": enable or install the one that does.'
    );
  });

  it('goes on without a plugin that throws, and keeps its neighbours', async () => {
    const bad = definePlugin({
      id: 'bad:plugin',
      activate: (_app: TestApp) => {
        throw new Error('not today');
      }
    });
    const it = page(() => new TestApp([greeter]), { bad: { default: [bad, guest] } });
    await it.start();
    expect(states(it)).toMatchObject({ 'bad:plugin': 'failed', 'guest:plugin': 'active' });
    expect(it.records.find('bad:plugin')?.error).toBe('not today');
    expect(vi.mocked(console.error).mock.calls[0][0]).toBe(
      'plughost: plugin "bad:plugin" of extension "bad" failed (activate): not today. ' +
        'Report this to the author of "bad".'
    );
  });

  it('refuses the second plugin of one id and says who has the first', async () => {
    const it = page(() => new TestApp([greeter]), {
      guest: { default: guest },
      twin: { default: guest }
    });
    await it.start();
    const [first, second] = it.records.list().filter(({ name }) => name === 'guest:plugin');
    expect([first.state, second.state]).toEqual(['active', 'failed']);
    expect(second.hint).toContain('Extension "guest" has a plugin of that id');
  });

  it('refuses what is no plugin and a token that is undefined', async () => {
    const hollow = { ...guest, id: 'hollow:plugin', requires: [undefined] };
    const it = page(() => new TestApp(), { odd: { default: [{ name: 'x' }, hollow] } });
    await it.start();
    expect(it.records.list('failed').map(({ error }) => error)).toEqual([
      'The module exports something that is no plugin: it needs "id" and "activate".',
      '"requires" has no token at position 0: the module it is imported from does not export it.'
    ]);
  });

  it('survives whatever is exported or thrown, and names whose it is', async () => {
    const bomb = {
      get id() {
        throw new Error('hands off');
      }
    };
    const odd = (activate: () => unknown, id: string) => ({ ...guest, id, requires: [], activate });
    const throwing = (thrown: unknown) => () => {
      throw thrown;
    };
    const textless = Object.create(null);
    const it = page(() => new TestApp([greeter]), {
      exports: { default: [bomb, null, 42, { ...guest, requires: 'no list' }] },
      throws: {
        default: [
          odd(throwing(textless), 'throws:textless'),
          odd(throwing(undefined), 'throws:undefined'),
          odd(throwing(new Error()), 'throws:wordless')
        ]
      },
      thrown: () => Promise.reject(textless),
      guest: { default: guest }
    });
    await it.start();
    expect(states(it)['guest:plugin']).toBe('active');
    const failed = it.records.list('failed').map(({ name, error }) => [name, error]);
    const wrong = 'The module exports something that is no plugin: it needs "id" and "activate".';
    expect(failed).toEqual([
      ['thrown-package', 'What was thrown has no text'],
      ['(without an id)', 'hands off'],
      ['(without an id)', wrong],
      ['undefined', wrong],
      ['guest:plugin', expect.stringContaining('findIndex')],
      ['throws:textless', 'What was thrown has no text'],
      ['throws:undefined', 'undefined'],
      ['throws:wordless', 'Error']
    ]);
    expect(it.records.problems()).toHaveLength(8);
  });

  it('lets a plugin wait for a token, and says which and for whom', async () => {
    const it = page(() => new TestApp(), { guest: { default: guest } });
    await it.start();
    expect(it.records.find('guest:plugin')).toMatchObject({
      state: 'waiting',
      waitingFor: ['test:IGreeter'],
      hint: 'No enabled extension provides test:IGreeter.'
    });
    expect(console.error).not.toHaveBeenCalled();
  });

  it('blames the provider that failed, not those who need it', async () => {
    const failing = { ...greeter, activate: () => Promise.reject(new Error('no voice')) };
    const it = page(() => new TestApp([failing]), { guest: { default: guest } });
    await it.start();
    expect(it.records.find('guest:plugin')).toMatchObject({
      state: 'waiting',
      waitingFor: ['test:IGreeter'],
      hint: '"test:greeter" of extension "app" provides test:IGreeter and is failed.'
    });
  });

  it('starts without a module that is slow, and takes it in when it comes', async () => {
    const slow = delegate<{ default: unknown }>();
    const it = page(() => new TestApp([greeter]), { slow: () => slow.promise });
    await it.start();
    expect(it.records.find('slow-package')).toMatchObject({
      state: 'loading',
      hint: 'Not there 50 ms after the app; the page started without it.'
    });
    slow.resolve({ default: guest });
    await vi.waitFor(() => expect(it.records.find('guest:plugin')?.state).toBe('active'), 30_000);
    expect(it.records.find('slow-package')).toMatchObject({ state: 'active', hint: null });
  });

  it('starts what waited once a late module brings its token', async () => {
    const slow = delegate<{ default: unknown }>();
    const it = page(() => new TestApp(), { slow: () => slow.promise, guest: { default: guest } });
    await it.start();
    expect(states(it)['guest:plugin']).toBe('waiting');
    slow.resolve({ default: greeter });
    await vi.waitFor(() => expect(greeted).toEqual(['hello']), 30_000);
    expect(states(it)['guest:plugin']).toBe('active');
  });

  it('starts without a plugin that hangs, and serves its dependants when it is done', async () => {
    const service = delegate<IGreeter>();
    const hanging = definePlugin({
      id: 'slow:greeter',
      provides: IGreeter,
      activate: (_app: TestApp) => service.promise
    });
    const it = page(() => new TestApp(), { slow: { default: [hanging, guest] } });
    await it.start();
    expect(states(it)).toMatchObject({ 'slow:greeter': 'loading', 'guest:plugin': 'waiting' });
    service.resolve({ greet: () => 'at last' });
    await vi.waitFor(() => expect(greeted).toEqual(['at last']), 30_000);
    expect(states(it)).toMatchObject({ 'slow:greeter': 'active', 'guest:plugin': 'active' });
  });

  it('leaves out what the app does not admit, and lets it defer', async () => {
    const calm = definePlugin({ id: 'calm:plugin', activate: (_app: TestApp) => undefined });
    const app = Object.assign(new TestApp([greeter]), {
      admit: ({ id }: { id: string }) => (id === 'calm:plugin' ? 'defer' : 'disabled')
    });
    const it = page(() => app, { guest: { default: [guest, calm] } });
    await it.start();
    expect(states(it)).toMatchObject({
      'test:greeter': 'disabled',
      'guest:plugin': 'disabled',
      'calm:plugin': 'idle'
    });
    await app.activatePlugin('calm:plugin');
    expect(states(it)['calm:plugin']).toBe('active');
  });

  it('hands an optional service over as null when nobody provides it', async () => {
    const seen: unknown[] = [];
    const curious = definePlugin({
      id: 'curious:plugin',
      requires: [IGreeter],
      optional: [ICounter],
      activate: (_app: TestApp, service, counter) => {
        seen.push(service.greet(), counter);
      }
    });
    const it = page(() => new TestApp([greeter]), { curious: { default: curious } });
    await it.start();
    expect(seen).toEqual(['hello', null]);
  });

  it('rejects when its app cannot be made, with the reason on record', async () => {
    const it = page(() => {
      throw new Error('no shell');
    }, {});
    await expect(it.start()).rejects.toThrow('no shell');
    expect(it.records.find('app-package')).toMatchObject({ state: 'failed', error: 'no shell' });
  });

  it('rejects when the app module exports no function', async () => {
    const it = page({ plugins: [] }, {});
    await expect(it.start()).rejects.toThrow('createApp(page)');
  });
});

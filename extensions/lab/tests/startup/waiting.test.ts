/** Plugins that wait: activated when nobody does anything, or before anything is done. */

import { CommandRegistry } from '@lumino/commands';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { canWait, isPlain } from '../../src/startup/order';
import { Waiting } from '../../src/startup/waiting';

let active: string[];
let commands: CommandRegistry;
let app: any;

beforeEach(() => {
  active = [];
  commands = new CommandRegistry();
  commands.addCommand('some:command', { execute: () => [...active] });
  commands.addCommand('launcher:create', { execute: () => [...active] });
  app = {
    commands,
    activatePlugin: vi.fn(async (id: string) => {
      await Promise.resolve();
      if (id === 'broken') {
        throw new Error('does not activate');
      }
      active.push(id);
    })
  };
  vi.stubGlobal('requestIdleCallback', (call: IdleRequestCallback) =>
    setTimeout(call, 0, { timeRemaining: () => 0 })
  );
});

describe('Waiting', () => {
  it('activates one after another when the browser is idle, whatever becomes of each', async () => {
    await new Waiting(app, ['a', 'broken', 'b'], 2000).whenIdle();
    expect(active).toEqual(['a', 'b']);
    expect(app.activatePlugin).toHaveBeenCalledTimes(3);
  });

  it.each(['pointerdown', 'keydown', 'dragenter', 'paste'])('activates all at %s', async sign => {
    new Waiting(app, ['a', 'b'], 2000);
    expect(active).toEqual([]);
    document.body.dispatchEvent(new Event(sign, { bubbles: true }));
    await Promise.resolve();
    await Promise.resolve();
    expect(active, 'before any other task').toEqual(['a', 'b']);
  });

  it('lets a command run when all are active, but for those of the start', async () => {
    new Waiting(app, ['a', 'b'], 2000);
    expect(await commands.execute('launcher:create')).toEqual([]);
    expect(await commands.execute('some:command')).toEqual(['a', 'b']);
  });

  it('asks for the labextensions that come later once all are active, or before a command', async () => {
    const takeIn = vi.fn(async () => void active.push('late'));
    await new Waiting(app, ['a'], 2000, takeIn).whenIdle();
    expect(active).toEqual(['a', 'late']);
    active.length = 0;
    const waiting = new Waiting(app, ['a'], 2000, takeIn);
    expect(await commands.execute('some:command'), 'a command of the start').toEqual(['a']);
    expect(takeIn).toHaveBeenCalledTimes(1);
    void waiting.whenIdle();
    expect(await commands.execute('some:command')).toEqual(['a', 'late']);
  });

  it('goes on if the host cannot take them in', async () => {
    const waiting = new Waiting(app, ['a'], 2000, () => Promise.reject(new Error('no')));
    await waiting.whenIdle();
    expect(await commands.execute('some:command')).toEqual(['a']);
  });

  it('keeps no labextension waiting for a command of its own', async () => {
    vi.useFakeTimers();
    const waiting: Waiting = new Waiting(app, ['a'], 2000, async () => {
      waiting.lateOneActivates();
      await commands.execute('some:command');
    });
    let done = false;
    void waiting.now().then(() => {
      done = true;
    });
    await vi.advanceTimersByTimeAsync(600);
    vi.useRealTimers();
    expect(done).toBe(true);
  });

  it('lets no command run before those of the page are active, however soon a late one is', async () => {
    vi.useFakeTimers();
    app.activatePlugin = async (id: string) => {
      await new Promise(done => setTimeout(done, 3000));
      active.push(id);
    };
    const waiting: Waiting = new Waiting(app, ['a'], 20_000, () => {
      waiting.lateOneActivates();
      return new Promise(() => undefined);
    });
    void waiting.now();
    let found: unknown;
    void commands.execute('some:command').then(result => {
      found = result;
    });
    await vi.advanceTimersByTimeAsync(2900);
    expect(found).toBeUndefined();
    await vi.advanceTimersByTimeAsync(700);
    vi.useRealTimers();
    expect(found).toEqual(['a']);
  });

  it('leaves alone who has wrapped the registry meanwhile', async () => {
    const waiting = new Waiting(app, ['a'], 2000);
    const { execute } = commands;
    const wrapper = vi.fn((id: string, args?: any) => execute.call(commands, id, args));
    commands.execute = wrapper as typeof execute;
    await waiting.now();
    expect(commands.execute).toBe(wrapper);
    expect(await commands.execute('some:command')).toEqual(['a']);
  });

  it('does not activate twice what is asked for while the browser is idle', async () => {
    const waiting = new Waiting(app, ['a', 'b', 'c'], 2000);
    const idle = waiting.whenIdle();
    await new Promise(done => setTimeout(done));
    await Promise.all([waiting.now(), idle]);
    expect([...active].sort()).toEqual(['a', 'b', 'c']);
    expect(app.activatePlugin).toHaveBeenCalledTimes(3);
  });

  it('does not wait for ever for a plugin that itself runs a command', async () => {
    vi.useFakeTimers();
    app.activatePlugin = () => commands.execute('some:command');
    const run = new Waiting(app, ['a'], 2000).now();
    await vi.advanceTimersByTimeAsync(5000);
    await run;
    vi.useRealTimers();
  });

  it('hides from nobody that a command is unknown, and leaves the registry as it was', async () => {
    const { execute, notifyCommandChanged } = commands;
    const waiting = new Waiting(app, ['a'], 2000);
    commands.notifyCommandChanged('not:there-yet');
    await expect(commands.execute('not:there')).rejects.toThrow('not:there');
    await waiting.now();
    expect([commands.execute, commands.notifyCommandChanged]).toEqual([
      execute,
      notifyCommandChanged
    ]);
  });
});

describe('a saved layout', () => {
  const workspace = (layout: unknown) =>
    JSON.stringify({ data: { 'layout-restorer:data': layout } });
  const area = (...widgets: string[]) => ({ type: 'tab-area', widgets, currentIndex: 0 });

  it.each<[string, boolean, string | undefined]>([
    ['that is not there', true, JSON.stringify({ data: {}, metadata: {} })],
    ['that did not come with the page', false, undefined],
    ['without widgets', true, workspace({ main: { dock: null }, down: {} })],
    ['of notebooks', true, workspace({ main: { dock: area('notebook:a.ipynb') } })],
    [
      'that is split',
      true,
      workspace({
        main: { dock: { type: 'split-area', children: [area('editor:a'), area('terminal:1')] } }
      })
    ],
    ['with a table', false, workspace({ main: { dock: area('editor:a', 'csvviewer:a.csv') } })],
    ['with a log below', false, workspace({ down: { widgets: ['logconsole:log'] } })]
  ])('%s is plain: %s', (_, plain, text) => {
    expect(isPlain(text)).toBe(plain);
  });
});

it('knows plugins by their id, and packages', () => {
  expect(canWait('@jupyterlab/notebook-extension:tracker')).toBe(false);
  expect(canWait('@jupyterlab/services-extension:anything')).toBe(false);
  expect(canWait('@jupyterlab/settingeditor-extension:plugin')).toBe(true);
});

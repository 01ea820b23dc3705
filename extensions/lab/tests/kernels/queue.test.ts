/** Code that waits for its kernel, with session contexts that do as they are told. */

import type { ISessionContext } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';
import { beforeEach, expect, it, vi } from 'vitest';
import type { KernelDialogs } from '../../src/kernels/dialogs';
import { type IWork, KernelQueue } from '../../src/kernels/queue';

/** A session context whose kernel comes and goes as a test says. */
class Context {
  session: { kernel: { isDisposed: boolean; status: string; name: string } | null } | null = null;
  isRestarting = false;
  isDisposed = false;
  hasNoKernel = true;
  kernelDisplayStatus = 'unknown';
  readonly statusChanged = new Signal<this, unknown>(this);
  readonly connectionStatusChanged = new Signal<this, unknown>(this);
  readonly kernelChanged = new Signal<this, unknown>(this);
  readonly sessionChanged = new Signal<this, unknown>(this);
  readonly disposed = new Signal<this, unknown>(this);
  startKernel = vi.fn(async () => true);
  changeKernel = vi.fn(async () => this.arrive());

  coming(): void {
    this.hasNoKernel = false;
    this.kernelDisplayStatus = 'starting';
    this.statusChanged.emit('starting');
  }

  arrive(): void {
    this.hasNoKernel = false;
    this.session = { kernel: { isDisposed: false, status: 'idle', name: 'python3' } };
    this.kernelDisplayStatus = 'idle';
    this.kernelChanged.emit(null);
  }

  fail(): void {
    this.hasNoKernel = true;
    this.session = null;
    this.kernelDisplayStatus = 'unknown';
    this.statusChanged.emit('unknown');
  }
}

let context: Context;
let asked: (context: Context) => void;
let dialogs: { asking: Signal<object, unknown>; selectKernel: ReturnType<typeof vi.fn> };
let queue: KernelQueue;
let story: string[];
let hasAsked: boolean;

beforeEach(() => {
  context = new Context();
  story = [];
  asked = () => undefined;
  hasAsked = false;
  dialogs = {
    asking: new Signal<object, unknown>({}),
    selectKernel: vi.fn(async (about: Context) => {
      hasAsked = true;
      asked(about);
    })
  };
  queue = new KernelQueue({
    ...dialogs,
    hasAsked: () => hasAsked
  } as unknown as KernelDialogs);
});

function run(name: string): Promise<boolean> {
  const work: IWork = {
    run: async () => {
      story.push(`${name} runs`);
      return true;
    },
    wait: () => story.push(`${name} waits`),
    drop: () => story.push(`${name} is dropped`)
  };
  return queue.run(context as unknown as ISessionContext, work);
}

it('runs at once where the kernel is', async () => {
  context.arrive();
  expect(await run('a')).toBe(true);
  expect(story).toEqual(['a runs']);
});

it('runs in order when the kernel has come, and what comes later after that', async () => {
  context.coming();
  const all = [run('a'), run('b')];
  context.arrive();
  all.push(run('c'));
  expect(await Promise.all(all)).toEqual([true, true, true]);
  expect(story).toEqual(['a waits', 'b waits', 'c waits', 'a runs', 'b runs', 'c runs']);
  expect(context.startKernel).not.toHaveBeenCalled();
});

it('gets a kernel once for all where none is coming', async () => {
  context.startKernel.mockImplementation(async () => {
    context.arrive();
    return false;
  });
  await Promise.all([run('a'), run('b')]);
  expect(context.startKernel).toHaveBeenCalledOnce();
  expect(dialogs.selectKernel).not.toHaveBeenCalled();
  expect(story.slice(2)).toEqual(['a runs', 'b runs']);
});

it('drops what waits when the person who is asked wants no kernel', async () => {
  expect(await Promise.all([run('a'), run('b')])).toEqual([false, false]);
  expect(dialogs.selectKernel).toHaveBeenCalledOnce();
  expect(story.slice(2)).toEqual(['a is dropped', 'b is dropped']);
});

it('asks for another kernel when the one it waited for does not come', async () => {
  asked = about => about.arrive();
  context.coming();
  const ran = run('a');
  context.fail();
  expect(await ran).toBe(true);
  expect(context.startKernel).not.toHaveBeenCalled();
  expect(dialogs.selectKernel).toHaveBeenCalledOnce();
});

it('waits while a notebook is opened, until somebody is asked for its kernel', async () => {
  context.kernelDisplayStatus = 'initializing';
  const ran = run('a');
  await Promise.resolve();
  expect(context.startKernel).not.toHaveBeenCalled();
  hasAsked = true;
  dialogs.asking.emit(context);
  expect(await ran).toBe(false);
});

it('waits for a restart', async () => {
  context.arrive();
  context.isRestarting = true;
  const ran = run('a');
  context.isRestarting = false;
  context.statusChanged.emit('idle');
  expect(await ran).toBe(true);
});

it('starts another kernel in the place of a dead one', async () => {
  context.arrive();
  context.session = { kernel: { isDisposed: true, status: 'dead', name: 'python3' } };
  expect(await run('a')).toBe(true);
  expect(context.changeKernel).toHaveBeenCalledWith({ name: 'python3' });
});

it('forgets what is dropped, and runs what comes after', async () => {
  context.coming();
  const dropped = run('a');
  queue.drop(context as unknown as ISessionContext);
  const ran = run('b');
  context.arrive();
  expect(await Promise.all([dropped, ran])).toEqual([false, true]);
  expect(story).toEqual(['a waits', 'a is dropped', 'b waits', 'b runs']);
});

it('drops everything when the notebook is closed', async () => {
  context.coming();
  const ran = run('a');
  context.isDisposed = true;
  context.disposed.emit(undefined);
  expect(await ran).toBe(false);
});

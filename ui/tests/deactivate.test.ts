/** Deactivation over Lumino's own registry: users first, faults on record, and back again. */

import { beforeEach, expect, it, vi } from 'vitest';
import { definePlugin, type Keep } from '../src/plugin';
import { delegate, ICounter, IGreeter, page, states, TestApp } from './apps';

/** What is in the page now: each plugin adds its name and keeps its removal. */
const there = new Set<string>();
const log: string[] = [];

function add(name: string, keep: Keep): void {
  if (there.has(name)) {
    throw new Error(`"${name}" is there already.`);
  }
  there.add(name);
  keep(() => {
    log.push(name);
    there.delete(name);
  });
}

const greeter = definePlugin({
  id: 'weather:greeter',
  provides: IGreeter,
  activate: (_app: TestApp, keep) => {
    add('greeter', keep);
    return { greet: () => 'hello' };
  }
});
const panel = definePlugin({
  id: 'weather:panel',
  requires: [IGreeter],
  activate: (_app: TestApp, _greeter, keep) => add('panel', keep)
});
const counter = definePlugin({
  id: 'guest:counter',
  provides: ICounter,
  optional: [IGreeter],
  activate: (_app: TestApp, _greeter, keep) => {
    add('counter', keep);
    return { count: 0 };
  }
});
const stranger = definePlugin({
  id: 'guest:stranger',
  activate: (_app: TestApp, keep) => add('stranger', keep)
});
const modules = {
  weather: { default: [panel, greeter] },
  guest: { default: [stranger, counter] }
};

beforeEach(() => {
  there.clear();
  log.length = 0;
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

it('deactivates a plugin after whoever uses what it provides, and nobody else', async () => {
  const it = page(() => new TestApp(), modules);
  await it.start();
  expect(await it.deactivate('weather:greeter')).toEqual([
    'weather:panel',
    'guest:counter',
    'weather:greeter'
  ]);
  expect(log).toEqual(['panel', 'counter', 'greeter']);
  expect(states(it)).toMatchObject({
    'weather:panel': 'idle',
    'guest:counter': 'idle',
    'weather:greeter': 'idle',
    'guest:stranger': 'active'
  });
  expect(it.records.find('weather:panel')).toMatchObject({
    phase: 'deactivate',
    ms: expect.any(Number),
    error: null
  });
});

it('brings back what a user needs along with it', async () => {
  const it = page(() => new TestApp(), modules);
  await it.start();
  await it.deactivate('weather:greeter');
  await it.activate('weather:panel');
  expect([...there].sort()).toEqual(['greeter', 'panel', 'stranger']);
  expect(states(it)).toMatchObject({ 'weather:panel': 'active', 'guest:counter': 'idle' });
});

it('deactivates and activates all of an extension, again and again, and leaves nothing', async () => {
  const it = page(() => new TestApp(), modules);
  await it.start();
  for (let time = 0; time < 20; time++) {
    const gone = await it.deactivate('weather');
    expect(gone).toEqual(['weather:panel', 'guest:counter', 'weather:greeter']);
    expect([...there]).toEqual(['stranger']);
    for (const id of gone.reverse()) {
      await it.activate(id);
    }
    expect(there.size).toBe(4);
  }
  expect(it.records.problems()).toEqual([]);
});

it('refuses, with nothing changed, when a user cannot be deactivated', async () => {
  const rigid = definePlugin({
    id: 'rigid:plugin',
    requires: [IGreeter],
    activate: (_app: TestApp) => undefined
  });
  const it = page(() => new TestApp(), { ...modules, rigid: { default: rigid } });
  await it.start();
  await expect(it.deactivate('weather')).rejects.toThrow(
    'Plugin "rigid:plugin" of extension "rigid" cannot be deactivated: it has no "deactivate".'
  );
  expect(there.size).toBe(4);
  // One that is not active is in nobody's way.
  const failing = { ...rigid, activate: () => Promise.reject(new Error('no')) };
  const other = page(() => new TestApp(), {
    weather: { default: { ...greeter, activate: () => ({ greet: () => 'hi' }) } },
    rigid: { default: failing }
  });
  await other.start();
  expect(await other.deactivate('weather')).toEqual(['weather:greeter']);
});

it('refuses where the app cannot deactivate', async () => {
  const app = Object.assign(new TestApp(), { deactivatePlugin: undefined });
  const it = page(() => app, modules);
  await it.start();
  await expect(it.deactivate('guest:stranger')).rejects.toThrow('cannot be deactivated');
});

it.each([
  ['throws', () => Promise.reject(new Error('stuck')), 'stuck'],
  ['hangs', () => new Promise<void>(() => undefined), 'Still deactivating after 50 ms.']
])('records a deactivation that %s, and goes on with the others', async (_, deactivate, error) => {
  const bad = { ...panel, deactivate };
  const it = page(() => new TestApp(), { weather: { default: [bad, greeter] } });
  await it.start();
  expect(await it.deactivate('weather')).toEqual(['weather:panel', 'weather:greeter']);
  expect(log).toEqual(['greeter']);
  expect(it.records.find('weather:panel')).toMatchObject({
    state: 'failed',
    phase: 'deactivate',
    error,
    hint: 'Something of it may still be there: reload the page.'
  });
  expect(states(it)['weather:greeter']).toBe('idle');
});

it('activates one that has failed again, and those who wait for it', async () => {
  let broken = true;
  const unsure = {
    ...greeter,
    activate: () => (broken ? Promise.reject(new Error('no voice')) : { greet: () => 'hi' })
  };
  const it = page(() => new TestApp(), { weather: { default: [unsure, panel] } });
  await it.start();
  await expect(it.activate('weather:greeter')).rejects.toThrow('no voice');
  expect(states(it)).toMatchObject({ 'weather:greeter': 'failed', 'weather:panel': 'waiting' });
  broken = false;
  await it.activate('weather:greeter');
  expect(states(it)).toMatchObject({ 'weather:greeter': 'active', 'weather:panel': 'active' });
  expect(it.records.problems()).toEqual([]);
});

it('leaves what is deactivated alone when something comes late', async () => {
  const slow = delegate<{ default: unknown }>();
  const it = page(() => new TestApp(), { ...modules, slow: () => slow.promise });
  await it.start();
  await it.deactivate('guest:stranger');
  slow.resolve({ default: { ...stranger, id: 'slow:plugin', activate: () => undefined } });
  await vi.waitFor(() => expect(states(it)['slow:plugin']).toBe('active'), 30_000);
  expect(states(it)['guest:stranger']).toBe('idle');
});

it('deactivates one that the page had not waited for', async () => {
  const service = delegate<{ greet(): string }>();
  const slow = {
    ...greeter,
    activate: () => service.promise,
    deactivate: () => void log.push('x')
  };
  const it = page(() => new TestApp(), { slow: { default: slow } });
  await it.start();
  expect(await it.deactivate('slow')).toEqual([]);
  service.resolve({ greet: () => 'at last' });
  await vi.waitFor(() => expect(states(it)['weather:greeter']).toBe('active'), 30_000);
  expect(await it.deactivate('slow')).toEqual(['weather:greeter']);
  expect([log, states(it)['weather:greeter']]).toEqual([['x'], 'idle']);
});

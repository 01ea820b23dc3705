/** The browser host as a page runs it: the boot element in, a page or a notice out. */

import { afterEach, expect, it, vi } from 'vitest';
import { readBoot } from '../src/boot';

afterEach(() => {
  document.body.replaceChildren();
  delete document.documentElement.dataset.plughost;
  delete window.plughost;
  vi.unstubAllGlobals();
  vi.resetModules();
});

function writeBoot(text: string): void {
  const element = document.createElement('script');
  element.type = 'application/json';
  element.id = 'plughost-boot';
  element.textContent = text;
  document.body.append(element);
}

it('does nothing in a page without boot data', async () => {
  await import('../src/index');
  expect(document.documentElement.dataset.plughost).toBeUndefined();
});

it('runs the app named in the boot data and says when it is ready', async () => {
  const app = `data:text/javascript,export default () => ({
    registerPlugin() {}, activatePlugin: async () => {}, start: async () => {}
  });`;
  const frontend = { extension: 'x', package: 'x-app', version: '1', module: app };
  writeBoot(JSON.stringify({ page: 'x', app: frontend }));
  const ready = new Promise(done => window.addEventListener('plughost-ready', done));
  await import('../src/index');
  await ready;
  expect(document.documentElement.dataset.plughost).toBe('ready');
  expect(window.plughost?.records.list().map(({ name, state }) => [name, state])).toEqual([
    ['x-app', 'active']
  ]);
});

it.each([
  ['{', 'is not JSON'],
  ['{"page": "lab"}', 'names no app for the page "lab"'],
  [
    JSON.stringify({
      app: {
        extension: 'x',
        package: 'x-app',
        module: 'data:text/javascript,throw new Error("the app broke")'
      }
    }),
    'x-app (extension "x"): the app broke'
  ]
])('shows a notice for boot data that lead nowhere: %s', async (text, reason) => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const told: string[] = [];
  vi.stubGlobal('fetch', async (_url: string, { body }: { body: string }) => told.push(body));
  writeBoot(text);
  await import('../src/index');
  await vi.waitFor(() => expect(document.getElementById('plughost-notice')).not.toBeNull(), 30_000);
  expect(document.documentElement.dataset.plughost).toBe('failed');
  expect(document.querySelector('[role=alert]')?.textContent).toContain(reason);
  if (window.plughost) {
    await vi.waitFor(() => expect(told.join()).toContain('the app broke'), 30_000);
  }
});

it('fills in what the server left out', () => {
  writeBoot('{"page": "lab", "app": {"module": "/x.js"}, "patience": {"module": 10}}');
  expect(readBoot(document)).toMatchObject({
    frontends: [],
    config: {},
    patience: { module: 10, activate: 1000 }
  });
});

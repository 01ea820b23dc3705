/** The first notebook's answer: asked for early, taken once, dropped when it is of no use. */

import { PageConfig } from '@jupyterlab/coreutils';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Ahead, firstNotebook } from '../../src/notebook/ahead';

const BASE = 'http://localhost:1234/base/';
const asked: string[] = [];
let ahead: Ahead;
let reply: () => Promise<Response>;

const ask = vi.fn(async () => new Response('"asked now"'));

beforeEach(() => {
  asked.length = 0;
  ask.mockClear();
  reply = async () => new Response('"asked ahead"');
  vi.stubGlobal('fetch', async (url: URL) => {
    asked.push(url.href);
    return reply();
  });
});

afterEach(() => {
  ahead.drop();
  vi.unstubAllGlobals();
});

function open(path: string, search = ''): void {
  PageConfig.setOption('treePath', path);
  ahead = new Ahead(firstNotebook(BASE, search));
}

async function get(address: string, init?: RequestInit): Promise<unknown> {
  return (await ahead.before(ask)(`${BASE}api/contents/${address}`, init)).json();
}

const AS_OPENED = '?type=notebook&content=1&hash=1&contentProviderId=undefined&1795689273942';

it('answers once what JupyterLab asks when it opens the notebook', async () => {
  open('a folder/ü.ipynb');
  expect(asked).toEqual([
    `${BASE}api/contents/a%20folder/%C3%BC.ipynb?type=notebook&content=1&hash=1`
  ]);
  const address = `a%20folder/%C3%BC.ipynb${AS_OPENED}`;
  expect(await get('a%20folder/%C3%BC.ipynb?content=0&hash=0')).toBe('asked now');
  expect(await get(address)).toBe('asked ahead');
  expect(await get(address)).toBe('asked now');
});

it('answers nothing that another file is asked for, or that has changed since', async () => {
  open('one.ipynb');
  expect(await get(`two.ipynb${AS_OPENED}`)).toBe('asked now');
  expect(await get('one.ipynb', { method: 'PUT', body: '{}' })).toBe('asked now');
  expect(await get(`one.ipynb${AS_OPENED}`)).toBe('asked now');
});

it('asks again what could not be had', async () => {
  reply = async () => Promise.reject(new TypeError('no connection'));
  open('one.ipynb');
  expect(await get(`one.ipynb${AS_OPENED}`)).toBe('asked now');
});

it.each([
  ['', ''],
  ['text.txt', ''],
  ['drive:one.ipynb', ''],
  ['one.ipynb', '?factory=Editor']
])('asks nothing for %j with %j', async (path, search) => {
  open(path, search);
  expect(asked).toEqual([]);
});

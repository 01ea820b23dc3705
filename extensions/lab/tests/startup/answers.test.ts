/** The answers that a page brings along: found, used, and dropped in time. */

import { PromiseDelegate } from '@lumino/coreutils';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Answers, readAnswers } from '../../src/startup/answers';

const BASE = 'http://localhost:1234/base/';
const TEXTS = {
  '/api/kernels': '[{"id": "k"}]',
  '/lab/api/settings': '{"settings": [{"id": "a:b", "raw": "{}"}, {"id": "c:d", "raw": "{}"}]}'
};

const asked: Request[] = [];

beforeEach(() => {
  asked.length = 0;
  vi.stubGlobal('fetch', async (request: Request) => {
    asked.push(request);
    return new Response('"from the server"');
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

async function get(answers: Answers, path: string): Promise<unknown> {
  return (await answers.fetch(`${BASE}${path}`)).json();
}

it('answers in place of the server, as often as it is asked', async () => {
  const answers = new Answers(TEXTS, BASE);
  for (const time of ['1795686837626', '1795686837627']) {
    expect(await get(answers, `api/kernels?${time}`)).toEqual([{ id: 'k' }]);
  }
  const response = await answers.fetch(`${BASE}api/kernels?1795686837626`);
  expect([response.status, response.headers.get('Content-Type'), response.url]).toEqual([
    200,
    'application/json',
    `${BASE}api/kernels?1795686837626`
  ]);
  expect(asked).toEqual([]);
});

it('asks the server for everything else', async () => {
  const answers = new Answers(TEXTS, BASE);
  for (const path of ['api/kernels/k', 'api/kernels?more=1', 'api/sessions']) {
    expect(await get(answers, path)).toBe('from the server');
  }
  expect(answers.find('http://elsewhere/base/api/kernels')).toBeUndefined();
});

it('asks nothing twice at a time', async () => {
  const answers = new Answers(TEXTS, BASE);
  const times = ['1795686837626', '1795686837627'];
  const both = times.map(time => get(answers, `api/me?${time}`));
  expect(await Promise.all(both)).toEqual(['from the server', 'from the server']);
  expect(asked.length).toBe(1);
  await get(answers, 'api/me');
  expect(asked.length, 'what was answered may have changed').toBe(2);
  vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('no network')));
  await expect(get(answers, 'api/sessions')).rejects.toThrow('no network');
  vi.stubGlobal('fetch', async () => new Response('[]'));
  expect(await get(answers, 'api/sessions')).toEqual([]);
});

it('finds the settings of one plugin, and the list of their ids', async () => {
  const answers = new Answers(TEXTS, BASE);
  expect(await get(answers, 'lab/api/settings/c:d?1795686837626')).toEqual({
    id: 'c:d',
    raw: '{}'
  });
  expect(await get(answers, 'lab/api/settings/a%3Ab')).toMatchObject({ id: 'a:b' });
  expect(await get(answers, 'lab/api/settings?ids_only=true&1795686837626')).toEqual({
    settings: [{ id: 'a:b' }, { id: 'c:d' }]
  });
  expect(await get(answers, 'lab/api/settings/x:y')).toBe('from the server');
});

it('holds no answer that something written may have changed, and none after the start', async () => {
  const written = new Answers(TEXTS, BASE);
  await get(written, 'api/contents');
  await written.fetch(`${BASE}lab/api/workspaces/default`, { method: 'PUT' });
  expect(await get(written, 'api/kernels')).toEqual([{ id: 'k' }]);
  await written.fetch(`${BASE}api/sessions`, { method: 'POST' });
  expect(await get(written, 'api/kernels')).toBe('from the server');
  await get(written, 'api/contents');
  expect(asked.filter(({ url }) => url.endsWith('api/contents')).length).toBe(2);
  expect(await get(written, 'lab/api/settings/a:b')).toMatchObject({ id: 'a:b' });
  await written.fetch(`${BASE}lab/api/settings/a:b`, { method: 'PUT' });
  expect(await get(written, 'lab/api/settings/c:d')).toBe('from the server');
  const over = new Answers(TEXTS, BASE);
  await get(over, 'lab/api/settings/a:b');
  over.drop();
  expect(await get(over, 'api/kernels')).toBe('from the server');
  expect(await get(over, 'lab/api/settings/a:b')).toBe('from the server');
});

it('holds no answer to what was asked while something was being written', async () => {
  const answers = new Answers(TEXTS, BASE);
  let text = '"before"';
  const written = new PromiseDelegate<Response>();
  vi.stubGlobal('fetch', (request: Request) =>
    request.method === 'PUT' ? written.promise : Promise.resolve(new Response(text))
  );
  const writing = answers.fetch(`${BASE}api/contents/file`, { method: 'PUT' });
  expect(await get(answers, 'api/contents')).toBe('before');
  text = '"after"';
  written.resolve(new Response('{}'));
  await writing;
  expect(await get(answers, 'api/contents')).toBe('after');
});

it('reads them from the page, which may have none', async () => {
  expect(readAnswers(document, BASE).find(`${BASE}api/kernels`)).toBeUndefined();
  document.body.innerHTML = `<script type="application/json" id="plughost-startup">${JSON.stringify(TEXTS)}</script>`;
  expect(readAnswers(document, BASE).find(`${BASE}api/kernels`)).toBe('[{"id": "k"}]');
});

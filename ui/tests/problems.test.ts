/** Problems: which records are some, what the server is told, whom an error is put down to. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { blame, report } from '../src/problems';
import { Records } from '../src/records';
import { page } from './apps';

const sent: { url: string; visit: string; problems: any[] }[] = [];

beforeEach(() => {
  sent.length = 0;
  vi.useFakeTimers();
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  vi.stubGlobal('fetch', async (url: string, { body }: { body: string }) => {
    sent.push({ url, ...JSON.parse(body) });
    return { ok: true };
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('records', () => {
  it('tell once of all changes of a turn, whoever else throws', async () => {
    vi.useRealTimers();
    const records = new Records();
    const seen: (string | null)[] = [];
    const record = records.add({ kind: 'plugin', name: 'a:b', extension: 'a' });
    records.changed.add(() => seen.push(`${record.state}: ${record.error}`));
    record.state = 'failed';
    record.error = 'no';
    await vi.waitFor(() => expect(seen).toEqual(['failed: no']));
    record.state = 'active';
    record.error = null;
    await vi.waitFor(() => expect(seen).toEqual(['failed: no', 'active: null']));
  });

  it('know which are problems: failed, late, waiting in vain', () => {
    const records = new Records('app');
    const add = (name: string, extension: string, facts: object) =>
      Object.assign(records.add({ kind: 'plugin', name, extension }), facts);
    add('fine', 'a', { state: 'active' });
    add('loading', 'a', {});
    add('off', 'a', { state: 'disabled', hint: 'Switched off.' });
    add('failed', 'a', { state: 'failed', error: 'no', hint: 'Report it.' });
    add('late', 'a', { hint: 'Not there after 1000 ms.' });
    add('waiting', 'a', { state: 'waiting', hint: 'Nobody provides it.' });
    add('own', 'app', { state: 'waiting', hint: 'Nobody provides it.' });
    add('stumbled', 'a', { state: 'active', error: 'no' });
    expect(records.problems().map(({ name }) => name)).toEqual([
      'failed',
      'late',
      'waiting',
      'stumbled'
    ]);
  });
});

describe('report', () => {
  function failing() {
    const { boot } = page(() => undefined, {});
    const records = new Records();
    const record = records.add({ kind: 'plugin', name: 'a:b', extension: 'a' });
    return { boot: { ...boot, page: 'my page', baseUrl: '/base/' }, records, record };
  }

  it('tells of all problems at once, and again when others come or go', async () => {
    const { boot, records, record } = failing();
    Object.assign(record, { state: 'failed', error: 'x'.repeat(9000), hint: 'Report it.' });
    report(boot, records);
    expect(sent).toEqual([
      {
        url: '/base/plughost/api/pages/my%20page/problems',
        visit: expect.stringMatching(/^\w+$/),
        problems: [
          {
            kind: 'plugin',
            name: 'a:b',
            extension: 'a',
            state: 'failed',
            phase: 'register',
            error: 'x'.repeat(2000),
            hint: 'Report it.'
          }
        ]
      }
    ]);
    record.state = 'active';
    record.error = null;
    await vi.advanceTimersByTimeAsync(1010);
    expect(sent[1]).toEqual({ ...sent[0], problems: [] });
  });

  it('says nothing twice, and speaks ever more seldom', async () => {
    const { boot, records, record } = failing();
    report(boot, records);
    record.ms = 1;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent.map(({ problems }) => problems.length)).toEqual([0]);
    for (let second = 0; second < 3600; second++) {
      record.error = `the ${second}th`;
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(sent.length).toBeLessThan(80);
  });

  it('tries again until the server has heard of them, which are 100 at most', async () => {
    const { boot, records } = failing();
    vi.stubGlobal('fetch', () => Promise.reject(new Error('offline')));
    for (let number = 0; number < 300; number++) {
      records.add({ kind: 'plugin', name: `a:${number}`, extension: 'a' }).error = 'no';
    }
    report(boot, records);
    await vi.advanceTimersByTimeAsync(10);
    let accepts = false;
    vi.stubGlobal('fetch', async (url: string, { body }: { body: string }) => {
      sent.push({ url, ...JSON.parse(body) });
      return { ok: accepts, statusText: 'Service Unavailable' };
    });
    await vi.advanceTimersByTimeAsync(2000);
    accepts = true;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(sent.map(({ problems }) => problems.length)).toEqual([100, 100]);
  });
});

describe('blame', () => {
  function blamed(stack: string, message = 'no such luck') {
    const it = page(() => undefined, { weather: {}, guest: {} });
    const frontend = (name: string) => ({ module: `/frontends/${name}/index-A.js` });
    const frontends = it.boot.frontends.map(each => ({ ...each, ...frontend(each.extension) }));
    const container = { version: '1', modules: [], styles: [] };
    const script = '/lab/extensions/@acme/tea/static/entry.js';
    const containers = [
      { ...container, package: '@acme/tea', script, hint: 'Boil water.' },
      { ...container, package: 'unbuilt', script: '', error: 'Not built.' }
    ];
    const boot = { ...it.boot, frontends, federation: { global: 'G', shared: {}, containers } };
    for (const name of ['weather-package', 'guest-package', '@acme/tea', 'unbuilt']) {
      it.records.add({ kind: 'frontend', name, extension: name });
    }
    const error = Object.assign(new Error(message), { stack });
    blame({ type: 'error', error, filename: '' } as ErrorEvent, { boot, records: it.records });
    return it.records.problems().map(({ name, error: said, hint }) => [name, said, hint]);
  }

  const at = (path: string) => `\n    at run (${new URL(path, document.baseURI).href}:1:2)`;
  const said = 'Nobody has caught an error in its code: no such luck';

  it('puts an error down to the extension through whose code it came last', () => {
    const stack = `Error: no such luck${at('/frontends/lab/core-B.js')}`;
    const guest = at('/frontends/guest/chunk-C.js');
    const weather = at('/frontends/weather/index-A.js');
    const tea = at('/lab/extensions/@acme/tea/static/712.js');
    const report = (name: string) => `Report this to the author of "${name}".`;
    expect(blamed(stack + guest + weather)).toEqual([
      ['guest-package', said, report('guest-package')]
    ]);
    expect(blamed(stack + weather + guest)).toEqual([
      ['weather-package', said, report('weather-package')]
    ]);
    expect(blamed(stack + tea)).toEqual([['@acme/tea', said, 'Boil water.']]);
  });

  it('puts none down to who is only mentioned, or to the app', () => {
    expect(blamed(`Error: no such luck${at('/frontends/lab/core-B.js')}${at('/lab')}`)).toEqual([]);
    const mention = new URL('/frontends/guest/index-A.js', document.baseURI).href;
    expect(blamed(`Error: cannot load ${mention}`, `cannot load ${mention}`)).toEqual([]);
  });

  it('takes what has no stack for nobody’s', () => {
    const { boot, records } = page(() => undefined, { weather: {} });
    const event = { type: 'unhandledrejection', reason: undefined };
    blame(event as PromiseRejectionEvent, { boot, records });
    expect(records.problems()).toEqual([]);
  });
});

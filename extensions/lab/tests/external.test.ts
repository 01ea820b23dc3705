/** Which server content was not loaded from, and the setting that would allow it. */

import { expect, it } from 'vitest';
import { originOf, settingFor } from '../src/external/text';

const own = 'http://localhost:8888';

it.each([
  ['https://cdn.bokeh.org/bokeh/release/bokeh-3.8.0.min.js', 'https://cdn.bokeh.org'],
  ['https://user:secret@example.org:8443/a?b#c', 'https://example.org:8443'],
  ['http://localhost:8889/x', 'http://localhost:8889'],
  ['http://localhost:8888/x', undefined],
  ['blob:https://example.org/1-2', 'https://example.org'],
  ['ws://example.org/', undefined],
  ['inline', undefined],
  ['eval', undefined],
  ['data', undefined],
  ['', undefined]
])('%s is of %s', (blocked, origin) => {
  expect(originOf(blocked, own)).toBe(origin);
});

it('names all servers in one setting', () => {
  const origins = ['https://example.org', 'https://cdn.bokeh.org'];
  expect(settingFor(origins)).toBe(
    '[extensions.lab]\nexternal_content = ["https://cdn.bokeh.org", "https://example.org"]\n'
  );
});

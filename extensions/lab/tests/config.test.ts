/** Which plugins the page configuration switches off or puts off. */

import { expect, it, vi } from 'vitest';
import { Switches } from '../src/config';

it('starts what the configuration does not name', () => {
  expect(new Switches([], []).admission('@jupyterlab/toc-extension:registry', 'lab')).toBe('start');
});

it('takes an entry as the id of a plugin, its package, or the extension with all of its plugins', () => {
  const switches = new Switches(
    ['@jupyterlab/toc-extension', 'plughost-weather:map', '@tea/herbs'],
    ['plughost-weather']
  );
  expect(switches.admission('herbs:dried', '@tea/herbs')).toBe('disabled');
  expect(
    [
      '@jupyterlab/toc-extension:registry',
      'plughost-weather:map',
      'plughost-weather:wind',
      'plughost-weather-more:sun'
    ].map(id => switches.admission(id, 'some'))
  ).toEqual(['disabled', 'disabled', 'defer', 'start']);
});

it('follows a plugin that changed its id, and says so', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  const switches = new Switches(['@jupyterlab/translation:translator'], []);
  expect(switches.admission('@jupyterlab/translation-extension:translator', 'lab')).toBe(
    'disabled'
  );
  expect(warn).toHaveBeenCalledWith(
    'The plugin "@jupyterlab/translation:translator" is now ' +
      '"@jupyterlab/translation-extension:translator": update the configuration.'
  );
});

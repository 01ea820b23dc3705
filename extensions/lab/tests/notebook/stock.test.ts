// @vitest-environment node
/** The inside of JupyterLab's notebook is as `src/notebook` takes it to be. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const stock = '../../../../node_modules/@jupyterlab/';
const source = read('../../src/notebook/stock.ts');

/** The names of an interface's members. */
function members(name: string): string[] {
  const body = source.split(`export interface ${name}`)[1].split('\n}\n')[0];
  return [...body.matchAll(/^ {2}(?:readonly |get |set )?(\w+)\??[(:]/gm)].map(
    ([, member]) => member
  );
}

/** The text of a method in compiled code. */
function method(code: string, head: string): string {
  return code.split(`    ${head} {`)[1].split('\n    }\n')[0];
}

it.each(['notebook', 'cells', 'outputarea'])(
  'is the version of %s the code was written for',
  name => {
    // Another one? Compare its widget.js with this one's before you change this.
    expect(JSON.parse(read(`${stock}${name}/package.json`)).version).toBe('4.6.4');
  }
);

it.each([
  ['IStockNotebook', 'notebook/lib/widget', 'ui-components/lib/components/windowedlist'],
  ['IStockPanel', 'notebook/lib/panel', 'notebook/lib/panel'],
  ['IStockCell', 'cells/lib/widget', 'cells/lib/widget'],
  ['IStockOutputs', 'outputarea/lib/widget', 'outputarea/lib/widget'],
  ['IStockLayout', 'notebook/lib/windowing', 'notebook/lib/windowing']
])('declares in %s only what there is', (name, file, parent) => {
  const declared = members(name);
  const types = read(`${stock}${file}.d.ts`) + read(`${stock}${parent}.d.ts`);
  expect(declared.length).toBeGreaterThan(0);
  expect(declared.filter(member => !new RegExp(`\\b${member}\\b`).test(types))).toEqual([]);
});

it('writes down what a kernel is in two places, and when there is a new one', () => {
  const code = read(`${stock}notebook/lib/panel.js`);
  expect(code.match(/this\._update(Language|Spec)\(/g)?.length).toBe(2);
  expect(method(code, '_onKernelChanged(sender, args)')).toContain('this._updateLanguage(');
  expect(method(code, '_onKernelChanged(sender, args)')).toContain('this._updateSpec(newValue)');
});

it('draws cells in one place only, when there is time and when it is updated', () => {
  const code = read(`${stock}notebook/lib/widget.js`);
  expect(code.match(/this\._runOnIdleTime\(/g)?.length).toBe(3);
  expect(method(code, 'onUpdateRequest(msg)')).toContain('void this._runOnIdleTime();');
});

it('looks at the trust of all cells after those that are inserted', () => {
  const code = read(`${stock}notebook/lib/widget.js`);
  expect(method(code, '_onCellsChanged(sender, args)')).toContain('this._syncCellTrust();');
  expect(method(code, '_insertCell(index, cell)')).toContain('this._syncCellTrust(widget);');
});

it('draws no output of an area that may show none', () => {
  const code = read(`${stock}outputarea/lib/widget.js`);
  expect(code).toContain('i < Math.min(model.length, this._maxNumberOutputs + 1)');
  expect(method(code, '_insertOutput(index, model)')).toContain('index > this._maxNumberOutputs');
  expect(method(code, '_setOutput(index, model)')).toContain('index >= this._maxNumberOutputs');
});

it('has a factory that takes what ours takes', () => {
  const code = read(`${stock}notebook-extension/lib/index.js`);
  const factory = code.split("id: '@jupyterlab/notebook-extension:factory'")[1].split('};')[0];
  expect(factory).toContain('requires: [IEditorServices]');
  expect(factory).toContain('new NotebookPanel.ContentFactory({ editorFactory })');
});

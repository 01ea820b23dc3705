// @vitest-environment node
/** The inside of JupyterLab's file browser is as `src/filebrowser` takes it to be. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const stock = '../../../../node_modules/@jupyterlab/filebrowser/';
const source = read('../../src/filebrowser/stock.ts');

/** The names of an interface's members. */
function members(name: string): string[] {
  const body = source.split(`export interface ${name}`)[1].split('\n}\n')[0];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm)].map(([, member]) => member);
}

it('is the version that the code was written against', () => {
  // Another one? Compare its listing.js and model.js with this one's before you change this.
  expect(JSON.parse(read(`${stock}package.json`)).version).toBe('4.6.4');
});

it.each([
  ['IStockListing', 'lib/listing', 30],
  ['IStockModel', 'lib/model', 25]
])('declares in %s only what there is', (name, file, least) => {
  const declared = members(name);
  const types = read(`${stock}${file}.d.ts`);
  const code = read(`${stock}${file}.js`);
  expect(declared.length).toBeGreaterThan(least);
  expect(declared.filter(member => !new RegExp(`\\b${member}\\b`).test(types))).toEqual([]);
  expect(declared.filter(member => !code.includes(member))).toEqual([]);
});

it('draws all rows in one place, which we show a part of them', () => {
  const code = read(`${stock}lib/listing.js`);
  const drawing = code.split('    onUpdateRequest(msg) {')[1].split('\n    }\n')[0];
  expect(drawing).toContain('const items = this._sortedItems;');
  expect(drawing).toContain('const nodes = this._items;');
  expect(drawing).toContain('i === this._focusIndex');
});

it('keeps the whole folder in one place, which is empty for a long one', () => {
  const code = read(`${stock}lib/model.js`);
  expect(code.match(/this\._items\b/g)?.length).toBe(5);
});

it('has a factory that takes what ours takes', () => {
  const code = read('../../../../node_modules/@jupyterlab/filebrowser-extension/lib/index.js');
  const factory = code.split("id: '@jupyterlab/filebrowser-extension:factory'")[1].split('};')[0];
  expect(factory).toContain('requires: [IDocumentManager, ITranslator]');
  expect(factory).toContain('optional: [IStateDB, JupyterLab.IInfo]');
});

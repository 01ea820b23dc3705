// @vitest-environment node
/** The lab against JupyterLab's own account of itself: the npm package `@jupyterlab/core-meta`. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const folder = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8');
const meta = JSON.parse(read('../../node_modules/@jupyterlab/core-meta/core.package.json'));
const lab = JSON.parse(read('package.json'));
const root = JSON.parse(read('../../package.json'));

/** Packages of plugins that wait for their server half. */
const LATER = ['@jupyterlab/extensionmanager-extension', '@jupyterlab/pluginmanager-extension'];

/** What JupyterLab lists among its packages and no code imports. */
const NOT_CODE = ['@jupyterlab/core-meta', '@jupyterlab/metapackage', '@jupyterlab/nbconvert-css'];

const code = Object.keys(meta.resolutions).filter(
  name => !LATER.includes(name) && !NOT_CODE.includes(name)
);

it('takes in every stock package of plugins, standard and renderers', () => {
  const source = read('src/plugins.ts');
  const { extensions, mimeExtensions } = meta.jupyterlab;
  const modules = [
    ...Object.keys(extensions),
    ...Object.entries(mimeExtensions).map(([name, file]) => (file ? `${name}/${file}` : name))
  ];
  const missing = modules.filter(name => !source.includes(`from '${name}'`));
  expect(missing.sort()).toEqual(LATER);
});

it('takes in the styles of all of them but themes', () => {
  const source = read('style/index.js');
  const { extensions, mimeExtensions } = meta.jupyterlab;
  const missing = Object.keys({ ...extensions, ...mimeExtensions }).filter(name => {
    const { styleModule } = LATER.includes(name)
      ? { styleModule: '' }
      : JSON.parse(read(`../../node_modules/${name}/package.json`));
    return styleModule && !source.includes(`import '${name}/${styleModule}';`);
  });
  expect(missing).toEqual([]);
  expect(source).not.toContain('theme-');
});

it('provides every package that labextensions may ask the page for', () => {
  expect(code.filter(name => !lab.plughost.provides.includes(name))).toEqual([]);
});

it('pins JupyterLab to the versions that belong together', () => {
  const pins = { ...root.overrides, ...lab.dependencies };
  const wrong = code
    .filter(name => name.startsWith('@jupyterlab/'))
    .filter(name => `~${pins[name]}` !== meta.resolutions[name]);
  expect(wrong).toEqual([]);
});

it('asks for the very versions that the workspace pins', () => {
  const loose = Object.entries(lab.dependencies).filter(
    ([name, version]) => root.overrides[name] !== version
  );
  expect(loose).toEqual([]);
});

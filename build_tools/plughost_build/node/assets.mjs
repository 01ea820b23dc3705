/** esbuild plugin: what is not JavaScript, and what only Node has. */

import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { relative } from './paths.mjs';

/** File types that become files of their own beside the bundle. */
const FILES = [
  '.woff',
  '.woff2',
  '.ttf',
  '.otf',
  '.eot',
  '.png',
  '.jpg',
  '.jpeg',
  '.gif',
  '.webp',
  '.avif',
  '.ico',
  '.mp3',
  '.mp4',
  '.webm',
  '.ogg',
  '.wav',
  '.pdf',
  '.wasm'
];

/** @type {Record<string, import('esbuild').Loader>} */
export const LOADERS = {
  '.svg': 'text',
  '.raw.css': 'text',
  '.md': 'text',
  '.txt': 'text',
  ...Object.fromEntries(FILES.map(extension => [extension, /** @type {const} */ ('file')]))
};

const FILE_PATTERN = new RegExp(`(?:${FILES.map(each => each.replace('.', '\\.')).join('|')})$`);

/** Builtins of Node that have a small counterpart for browsers. */
const SHIMS = { path: 'path-browserify', process: 'process/browser.js' };

/**
 * Builtins that packages mention in branches a browser never takes. An installed package of
 * the same name is preferred, except for `ws`: its browser build only throws.
 */
const STUBS = ['url', 'buffer', 'crypto', 'ws'];

const CSS_KINDS = new Set(['import-rule', 'url-token', 'composes-from']);

/** Above this many bytes a picture in a style sheet is a file: Font Awesome's SVG fonts are 2 MB. */
const LARGE_PICTURE = 10_000;

/** Marks our own `build.resolve` calls, which must not end up here again. */
const PASS = Symbol('plughost:pass');

/**
 * Namespace of shims. They lie in the tools' folder, whose path differs from machine to machine
 * and would get into the hashes.
 */
const SHIM = 'plughost-shim';

/** What stands in for the global `process`, for esbuild's `inject`. */
export const PROCESS = `${SHIM}:./shims/process.mjs`;

const tools = createRequire(import.meta.url);

/** The file behind a shim. @param {string} name */
export function shimFile(name) {
  return tools.resolve(name);
}

/** @type {import('esbuild').Plugin} */
export const assets = {
  name: 'plughost-assets',
  setup(build) {
    const folder = build.initialOptions.absWorkingDir ?? '';
    // A path that is not esbuild's own goes into hashes as it is, so it must be relative.
    const real = (/** @type {string} */ file, /** @type {string} */ namespace) => ({
      path: relative(folder, file),
      namespace,
      pluginData: file
    });

    /** @param {import('esbuild').OnResolveArgs} args @param {string} specifier */
    const resolve = (args, specifier) =>
      build.resolve(specifier, {
        kind: args.kind,
        importer: args.importer,
        resolveDir: args.resolveDir,
        pluginData: PASS
      });

    // The same SVG is markup for scripts (the loader above) and a picture for style sheets.
    build.onResolve({ filter: /\.svg(?:[?#].*)?$/ }, async args => {
      if (args.kind !== 'url-token' || args.pluginData === PASS || isRemote(args.path)) {
        return undefined;
      }
      const [, file, suffix] = /^~?([^?#]*)(.*)$/.exec(args.path) ?? [];
      const found = await resolve(args, file);
      if (found.errors.length > 0) {
        return found;
      }
      return (await stat(found.path)).size > LARGE_PICTURE
        ? { ...real(found.path, 'plughost-picture-file'), suffix }
        : real(found.path, 'plughost-picture');
    });
    build.onLoad({ filter: /.*/, namespace: 'plughost-picture' }, async args => ({
      contents: await readFile(args.pluginData),
      loader: 'dataurl'
    }));
    build.onLoad({ filter: /.*/, namespace: 'plughost-picture-file' }, async args => ({
      contents: await readFile(args.pluginData),
      loader: 'file'
    }));

    // `~package/file` in style sheets, webpack's way to say "not relative".
    build.onResolve({ filter: /^~/ }, args =>
      CSS_KINDS.has(args.kind) ? resolve(args, args.path.slice(1)) : undefined
    );

    // A file imported by a script: esbuild gives its name, the page needs its address.
    build.onResolve({ filter: FILE_PATTERN }, async args => {
      const ours = args.pluginData === PASS || args.namespace === 'plughost-address';
      if (ours || CSS_KINDS.has(args.kind) || args.kind === 'entry-point') {
        return undefined;
      }
      const found = await resolve(args, args.path);
      return found.errors.length > 0 ? found : real(found.path, 'plughost-address');
    });
    build.onLoad({ filter: /.*/, namespace: 'plughost-address' }, args => ({
      contents: `import name from ${JSON.stringify(`./${path.basename(args.path)}`)};
        export default new URL(name, import.meta.url).href;`,
      resolveDir: path.dirname(args.pluginData),
      loader: 'js'
    }));

    for (const [builtin, shim] of Object.entries(SHIMS)) {
      const filter = new RegExp(`^(?:node:)?${builtin}(?:/browser(?:\\.js)?)?/?$`);
      build.onResolve({ filter }, () => ({ path: shim, namespace: SHIM }));
    }
    build.onResolve({ filter: /^plughost-shim:/ }, args => ({
      path: args.path.slice('plughost-shim:'.length),
      namespace: SHIM,
      sideEffects: false
    }));
    build.onLoad({ filter: /.*/, namespace: SHIM }, async args => ({
      contents: await readFile(shimFile(args.path))
    }));
    build.onResolve({ filter: new RegExp(`^(?:node:)?(?:${STUBS.join('|')})/?$`) }, async args => {
      if (args.pluginData === PASS) {
        return undefined;
      }
      const builtin = args.path.replace(/^node:|\/$/g, '');
      const found = builtin === 'ws' ? undefined : await resolve(args, `${builtin}/`);
      return found && found.errors.length === 0
        ? found
        : { path: builtin, namespace: 'plughost-stub' };
    });
    build.onLoad({ filter: /.*/, namespace: 'plughost-stub' }, () => ({
      contents: 'module.exports = {};'
    }));
  }
};

/** @param {string} address */
function isRemote(address) {
  return /^(?:[a-z]+:|\/\/|#)/i.test(address);
}

/**
 * esbuild plugin: shared modules come from a share scope, as stock JupyterLab has one.
 *
 * There is no import map, so nothing stays a bare import: each shared module becomes one of ours
 * that reads an object which the container (container.mjs) has filled before it imports the
 * bundle. An `import()` of one becomes a call of the container's, which fetches it then.
 */

import { readFileSync } from 'node:fs';
import { init, parse } from 'es-module-lexer';
import semver from 'semver';
import { packageName } from './npm.mjs';
import { SharedModules } from './shared.mjs';

/** What stock JupyterLab shares, by its own `staging/package.json`: package → range. */
const STOCK = JSON.parse(readFileSync(new URL('./jupyterlab.json', import.meta.url), 'utf8'));
const STOCK_SHARES = { ...STOCK.others, ...STOCK.singletons };

/** What only plughost's page shares, and does no harm as a copy. @type {Record<string, string>} */
const STAND_INS = {
  '@plughost/host': './shims/host.mjs',
  'react/jsx-runtime': './shims/jsx.mjs',
  'react/jsx-dev-runtime': './shims/jsx.mjs',
  'react-dom/client': './shims/react-dom.mjs'
};

/** The exports object of a shared module, a module with its names, and an `import()` of it. */
const GIVEN = 'plughost-given';
const NAMED = 'plughost-named';
const LATER = 'plughost-later:';

/**
 * A module that the container takes from the share scope.
 *
 * @typedef {object} Need
 * @property {string} range as written in a package.json, for messages
 * @property {string} within the same in comparisons only: ">=4.6.0 <5.0.0-0||…"; "" is any
 * @property {boolean} single whether there is one for the whole page, whatever its version
 * @property {boolean} later whether it is only wanted by an `import()`
 */

export class ScopeModules extends SharedModules {
  /**
   * @param {import('./source.mjs').Source} source
   * @param {Record<string, import('./request.mjs').SharedModule>} offered by plughost's page
   */
  constructor(source, offered) {
    super(source, scopeOf(offered));
    /** @type {Set<string>} */
    this.atStart = new Set();
    this.container = `globalThis._JUPYTERLAB[${JSON.stringify(source.name)}]`;
  }

  /** @override @param {string} specifier @param {import('esbuild').ImportKind} kind */
  resolved(specifier, kind) {
    if (kind === 'dynamic-import') {
      return { path: LATER + specifier, external: true };
    }
    return { path: specifier, namespace: kind === 'import-statement' ? NAMED : GIVEN };
  }

  /** @override @param {import('esbuild').PluginBuild} build */
  answer(build) {
    for (const [specifier, path] of Object.entries(STAND_INS)) {
      build.onResolve({ filter: new RegExp(`^${specifier}$`) }, () =>
        this.private.has(specifier) || this.private.has(packageName(specifier))
          ? undefined
          : { path, namespace: 'plughost-shim', sideEffects: false }
      );
    }
    build.onResolve({ filter: /^react(?:-dom)?$/, namespace: 'plughost-shim' }, args =>
      this.resolved(args.path, args.kind)
    );
    build.onResolve({ filter: /.*/, namespace: NAMED }, args => ({
      path: args.path,
      namespace: GIVEN
    }));
    // Names that are only known in the page, yet live; `default` as a compiler's interop has it.
    build.onLoad({ filter: /.*/, namespace: NAMED }, args => ({
      contents: `export * from ${JSON.stringify(args.path)};
        export { default } from ${JSON.stringify(args.path)};`,
      loader: 'js'
    }));
    build.onLoad({ filter: /.*/, namespace: GIVEN }, args => ({
      contents: `module.exports = ${this.container}.shared[${JSON.stringify(args.path)}];`,
      loader: 'js'
    }));
  }

  /** @override @param {import('esbuild').Metafile['outputs'][string]} output */
  usedBy(output) {
    const given = Object.entries(output.inputs)
      .filter(([input, { bytesInOutput }]) => bytesInOutput > 0 && input.startsWith(`${GIVEN}:`))
      .map(([input]) => input.slice(GIVEN.length + 1));
    const later = output.imports
      .filter(each => each.path.startsWith(LATER))
      .map(each => each.path.slice(LATER.length));
    for (const specifier of given) {
      this.atStart.add(specifier);
    }
    return [...given, ...later];
  }

  /** Whether a range fits is for the page to see: it may be another JupyterLab's. @override @param {Iterable<string>} used */
  settle(used) {
    return { requires: super.settle(used).requires, diagnostics: [] };
  }

  /** @param {Record<string, string>} requires @returns {Record<string, Need>} */
  needs(requires) {
    return Object.fromEntries(
      Object.entries(requires).map(([specifier, range]) => [
        specifier,
        {
          range,
          within: within(range),
          single: !(specifier in STOCK.others),
          later: !this.atStart.has(specifier)
        }
      ])
    );
  }

  /** Turn each `import()` of a shared module into the container's. @param {string} code */
  async withoutImports(code) {
    if (!code.includes(LATER)) {
      return code;
    }
    await init();
    let result = '';
    let done = 0;
    for (const each of parse(code)[0]) {
      if ('specifier' in each && each.specifier?.startsWith(LATER)) {
        const specifier = JSON.stringify(each.specifier.slice(LATER.length));
        result += `${code.slice(done, each.importStart)}${this.container}.load(${specifier})`;
        done = each.importEnd;
      }
    }
    return result + code.slice(done);
  }
}

/**
 * What there is to take from a share scope: stock JupyterLab's packages, and what other frontends
 * provide, which their labextensions offer.
 *
 * @param {Record<string, import('./request.mjs').SharedModule>} offered
 */
function scopeOf(offered) {
  const others = Object.entries(offered).filter(
    ([specifier]) => !(packageName(specifier) in STOCK_SHARES) && !(specifier in STAND_INS)
  );
  const stock = Object.entries(STOCK_SHARES).map(([name, range]) => [
    name,
    { version: range.replace(/^\^/, ''), from: 'JupyterLab' }
  ]);
  return Object.fromEntries([...others, ...stock]);
}

/** @param {string} range */
export function within(range) {
  // What cannot be compared, such as "workspace:*", is any.
  return semver.validRange(range, { includePrerelease: true })?.replace('*', '') ?? '';
}

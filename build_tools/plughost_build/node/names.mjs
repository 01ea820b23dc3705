/**
 * Every name a package exports, known before it is linked.
 *
 * A facade that lacks one name is a link error for the whole module that imports it, so a name
 * list is either complete or the build fails. ES modules are read (es-module-lexer, following
 * `export *`); CommonJS compiled from ES modules is read too (cjs-module-lexer knows what
 * compilers write); any other CommonJS is run once, bundled, in an empty context.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { init as initCommonJS, parse as parseCommonJS } from 'cjs-module-lexer';
import { init as initES, parse as parseES } from 'es-module-lexer';
import * as esbuild from 'esbuild';
import { BuildError, problem } from './events.mjs';

/** @typedef {import('esbuild').Metafile} Metafile */

/**
 * @typedef {object} Exports
 * @property {string[]} names sorted; with "default" where an ES module has one
 * @property {boolean} commonJS whether the package is CommonJS inside
 */

const TYPED = /\.[cm]?tsx?$|\.jsx$/;

/**
 * What code may expect of any browser while it is evaluated. Timers never fire: a callback could
 * only matter later, and a live one (or a MessageChannel) would keep the build from ending.
 */
const BARE_BROWSER = {
  console: new Proxy({}, { get: () => () => undefined }),
  setTimeout: () => 0,
  clearTimeout: () => undefined,
  queueMicrotask: () => undefined,
  performance: { now: () => 0 },
  URL,
  TextEncoder,
  TextDecoder,
  AbortController,
  Event,
  EventTarget
};

export class ExportNames {
  /**
   * @param {string} folder the source folder, to which the metafile's paths are relative
   * @param {Metafile['inputs']} inputs what esbuild read and how it resolved it
   * @param {import('esbuild').BuildOptions} options for bundling a package that must be run
   */
  constructor(folder, inputs, options) {
    this.folder = folder;
    this.inputs = inputs;
    this.options = options;
  }

  /**
   * @param {string} specifier for messages
   * @param {string} input path of its main module, as in the metafile
   * @returns {Promise<Exports>}
   * @throws {BuildError} when the names cannot be known
   */
  async of(specifier, input) {
    await Promise.all([initES(), initCommonJS()]);
    const commonJS = this.inputs[input]?.format === 'cjs';
    const names = commonJS
      ? await this.#commonJS(specifier, input)
      : await this.#esModule(specifier, input, new Set());
    names.delete('__esModule');
    if (commonJS) {
      names.delete('default');
      names.delete('module.exports');
    }
    return { names: [...names].sort(), commonJS };
  }

  /** @param {string} specifier @param {string} input @param {Set<string>} seen */
  async #esModule(specifier, input, seen) {
    /** @type {Set<string>} */
    const names = new Set();
    if (seen.has(input)) {
      return names;
    }
    seen.add(input);
    const code = await this.#script(specifier, input);
    for (const found of parseES(code, input)[1]) {
      if (found.type !== 'reexport-all') {
        names.add(found.name);
        continue;
      }
      const target = this.inputs[input].imports.find(each => each.original === found.from);
      if (!target || target.external) {
        throw unknown(
          specifier,
          `it re-exports everything from "${found.from}", which is not in this bundle`
        );
      }
      const below =
        this.inputs[target.path]?.format === 'cjs'
          ? await this.#commonJS(specifier, target.path)
          : await this.#esModule(specifier, target.path, seen);
      below.delete('default'); // `export *` leaves it out
      addAll(names, below);
    }
    return names;
  }

  /** @param {string} specifier @param {string} input */
  async #commonJS(specifier, input) {
    const read = this.#readCommonJS(input, new Set());
    if (read?.has('__esModule')) {
      return read;
    }
    try {
      return new Set([...(read ?? []), ...(await this.#run(input))]);
    } catch (error) {
      throw unknown(
        specifier,
        `it is CommonJS and failed when it was run: ${/** @type {Error} */ (error).message}`
      );
    }
  }

  /**
   * What the lexer sees, or nothing when it meets a file it cannot read.
   *
   * @param {string} input
   * @param {Set<string>} seen
   * @returns {Set<string> | undefined}
   */
  #readCommonJS(input, seen) {
    if (seen.has(input)) {
      return new Set();
    }
    seen.add(input);
    let found;
    try {
      found = parseCommonJS(readFileSync(path.resolve(this.folder, input), 'utf8'), input);
    } catch {
      return undefined;
    }
    const names = new Set(found.exports);
    for (const from of found.reexports) {
      const target = this.inputs[input].imports.find(each => each.original === from);
      const below = target && !target.external && this.#readCommonJS(target.path, seen);
      if (!below) {
        return undefined;
      }
      addAll(names, below);
    }
    return names;
  }

  /** Run a CommonJS package and list its exports. @param {string} input @returns {Promise<string[]>} */
  async #run(input) {
    const built = await esbuild.build({
      ...this.options,
      entryPoints: [path.resolve(this.folder, input)],
      format: 'cjs',
      splitting: false,
      sourcemap: false,
      metafile: false,
      write: false,
      logLevel: 'silent'
    });
    const script = built.outputFiles?.find(file => file.path.endsWith('.js'));
    const module = { exports: {} };
    const context = vm.createContext({ module, exports: module.exports, ...BARE_BROWSER });
    vm.runInContext(script?.text ?? '', context, { timeout: 10_000 });
    return Object.keys(module.exports);
  }

  /** @param {string} specifier @param {string} input */
  async #script(specifier, input) {
    const file = path.resolve(this.folder, input);
    if (this.inputs[input]?.format !== 'esm') {
      throw unknown(specifier, `"${input}" is not a script`);
    }
    const code = readFileSync(file, 'utf8');
    return TYPED.test(file)
      ? (
          await esbuild.transform(code, {
            loader: /** @type {'ts'} */ (path.extname(file).slice(-3).replace('.', '')),
            sourcefile: input
          })
        ).code
      : code;
  }
}

/** @param {Set<string>} names @param {Iterable<string>} more */
function addAll(names, more) {
  for (const name of more) {
    names.add(name);
  }
}

/** @param {string} specifier @param {string} why */
function unknown(specifier, why) {
  return new BuildError([
    problem(`The names that "${specifier}" exports cannot be known: ${why}.`, {
      file: 'package.json',
      hint: 'Take it out of plughost.provides, or provide a version of it that is an ES module.'
    })
  ]);
}

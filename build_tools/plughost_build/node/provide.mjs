/**
 * The provider's half of shared modules: bundle packages for everyone, and write facades.
 *
 * Packages that the entry module reaches statically lie in `core` and the chunks it shares with
 * the entry, so that few files are loaded at the start; a facade for each re-exports its names.
 * Packages that it reaches only by `import()`, or not at all, become chunks of their own, which
 * are their own facades. What is static is not known before the modules have been read once, so
 * the first bundle is made twice; esbuild keeps what it parsed, and the second time takes a third.
 * After an edit, what was found before is taken for granted, and looked at again afterwards.
 */

import path from 'node:path';
import { BuildError, problem } from './events.mjs';
import { contentHash } from './files.mjs';
import { ExportNames } from './names.mjs';
import { packageName } from './npm.mjs';
import { relative } from './paths.mjs';

/** @typedef {import('esbuild').Metafile} Metafile */
/** @typedef {import('./names.mjs').Exports} Exports */

export const CORE = 'plughost-provide:core';
export const LAZY = 'plughost-provide:lazy';

/**
 * One provided specifier.
 *
 * @typedef {Exports & {specifier: string, input: string, place: 'entry' | 'core' | 'lazy'}} Provided
 */

export class Provider {
  /** @param {import('./source.mjs').Source} source */
  constructor(source) {
    this.source = source;
    /** @type {Provided[]} empty until `survey` */
    this.provided = [];
    /** @type {Map<string, Exports>} names of installed packages, which no edit changes */
    this.known = new Map();
  }

  /** Start again. */
  forget() {
    this.provided = [];
  }

  /** Whether a build may have failed for what is still provided here. @param {unknown} error */
  isToBlame(error) {
    return (
      this.provided.length > 0 &&
      error instanceof BuildError &&
      error.diagnostics.some(each => /^(?:plughost-provide:|package\.json$)/.test(each.file ?? ''))
    );
  }

  /** Entry points to add to the build. @returns {Record<string, string>} */
  get entryPoints() {
    return this.source.provides.length > 0 ? { core: CORE, lazy: LAZY } : {};
  }

  /** @returns {import('esbuild').Plugin} */
  plugin() {
    const { folder } = this.source;
    return {
      name: 'plughost-provide',
      setup: build => {
        build.onResolve({ filter: /^plughost-provide:/ }, args => ({
          path: args.path.slice('plughost-provide:'.length),
          namespace: 'plughost-provide'
        }));
        // A frontend that provides itself means its entry, not what `main` says.
        build.onResolve({ filter: /^[@a-zA-Z0-9_-]/, namespace: 'plughost-provide' }, args =>
          args.path === this.source.name ? { path: this.source.entry } : undefined
        );
        build.onLoad({ filter: /.*/, namespace: 'plughost-provide' }, args => ({
          contents: this.#contents(args.path),
          resolveDir: folder,
          // As TypeScript, a name that is only a type, or ambiguous, is left out silently.
          loader: 'ts'
        }));
      }
    };
  }

  /**
   * Learn from a run what is provided, where it belongs and which names it has.
   *
   * @param {Metafile} metafile
   * @param {import('esbuild').BuildOptions} options
   * @returns {Promise<boolean>} whether that is what was known, and the run has it right
   */
  async survey(metafile, options) {
    const { inputs } = metafile;
    const entry = relative(this.source.folder, this.source.entry);
    const reached = staticallyReached(inputs, entry);
    const names = new ExportNames(this.source.folder, inputs, options);
    const targets = this.#targets(inputs);
    const diagnostics = [];
    const provided = [];
    for (const specifier of this.source.provides) {
      const target = targets.get(specifier);
      if (!target || target.external) {
        diagnostics.push(
          problem(`"${specifier}" is in plughost.provides and not in this bundle.`, {
            file: 'package.json',
            hint: `Add ${packageName(specifier)} to the dependencies.`
          })
        );
        continue;
      }
      try {
        const input = target.path;
        const place = /** @type {Provided['place']} */ (
          input === entry ? 'entry' : reached.has(input) ? 'core' : 'lazy'
        );
        const exports = this.known.get(input) ?? (await names.of(specifier, input));
        if (input.includes('node_modules/')) {
          this.known.set(input, exports);
        }
        provided.push({ specifier, input, place, ...exports });
      } catch (error) {
        if (!(error instanceof BuildError)) {
          throw error;
        }
        diagnostics.push(...error.diagnostics);
      }
    }
    if (diagnostics.length > 0) {
      throw new BuildError(diagnostics);
    }
    const asBefore = JSON.stringify(provided) === JSON.stringify(this.provided);
    this.provided = provided;
    return asBefore;
  }

  /**
   * What each provided specifier was resolved to.
   *
   * @param {Metafile['inputs']} inputs
   * @returns {Map<string, {path: string, external?: boolean}>}
   */
  #targets(inputs) {
    const ours = Object.keys(inputs).filter(each => each.startsWith('plughost-provide:'));
    const imports = ours
      .flatMap(each => inputs[each].imports)
      .filter(each => !each.path.startsWith('plughost-provide:'));
    return new Map([
      // The entry provides itself; none of ours imports it.
      ...this.provided
        .filter(each => each.place === 'entry')
        .map(each => /** @type {const} */ ([each.specifier, { path: each.input }])),
      ...imports.map(each => /** @type {const} */ ([each.original ?? '', each]))
    ]);
  }

  /**
   * The file of each provided specifier, and the facades among them.
   *
   * @param {Metafile} metafile of the second run
   * @param {(output: string) => string} nameOf output path in the metafile → name in the bundle
   * @returns {{provides: Map<string, string>, facades: Map<string, Buffer>}}
   */
  facades(metafile, nameOf) {
    const outputs = new Map(
      Object.entries(metafile.outputs).flatMap(([name, output]) =>
        output.entryPoint ? [[output.entryPoint, { name, exports: new Set(output.exports) }]] : []
      )
    );
    const provides = new Map();
    const facades = new Map();
    let number = 0;
    for (const each of this.provided) {
      const start = number;
      number += each.place === 'core' ? slots(each) : 0;
      if (each.place === 'lazy') {
        const chunk = need(outputs, `plughost-provide:package/${each.specifier}`);
        provides.set(each.specifier, nameOf(chunk.name));
        continue;
      }
      const home = need(outputs, each.place === 'core' ? CORE : each.input);
      const text = each.place === 'core' ? facade(each, start, home, nameOf) : mirror(home, nameOf);
      const contents = Buffer.from(text);
      const flat = each.specifier.replace(/^@/, '').replaceAll('/', '-');
      const file = `shared/${flat}-${contentHash(contents)}.js`;
      provides.set(each.specifier, file);
      facades.set(file, contents);
    }
    return { provides, facades };
  }

  /** Source text of one of the virtual modules. @param {string} name */
  #contents(name) {
    if (name === 'core') {
      let number = 0;
      return this.provided
        .filter(each => each.place === 'core')
        .map(each => {
          const start = number;
          number += slots(each);
          return coreLines(each, start);
        })
        .join('\n');
    }
    if (name === 'lazy') {
      // Before the survey nothing is known: this has all of them read, away from the entry.
      return this.provided.length === 0
        ? this.source.provides
            .map((each, index) => `export * as p${index} from ${JSON.stringify(each)};`)
            .join('\n')
        : this.provided
            .filter(each => each.place === 'lazy')
            .map(each => `import(${JSON.stringify(`plughost-provide:package/${each.specifier}`)});`)
            .join('\n');
    }
    const specifier = name.slice('package/'.length);
    const each = this.provided.find(found => found.specifier === specifier);
    return each ? ownLines(each) : '';
  }
}

/** How many exports of `core` a package takes. @param {Provided} each */
function slots(each) {
  return each.commonJS ? 1 : each.names.length;
}

/** Exports of `core` are numbered, since names of different packages clash. @param {number} number */
function slot(number) {
  return `e${number.toString(36)}`;
}

/** @param {Provided} each @param {number} start */
function coreLines(each, start) {
  const from = JSON.stringify(each.specifier);
  if (each.commonJS) {
    return `export const ${slot(start)} = require(${from});`;
  }
  const names = each.names.map((name, index) => `${exportName(name)} as ${slot(start + index)}`);
  return `export { ${names.join(', ')} } from ${from};`;
}

/** A chunk that is its own facade. @param {Provided} each */
function ownLines(each) {
  const from = JSON.stringify(each.specifier);
  return each.commonJS
    ? `const exported = require(${from});\n${commonJSExports(each.names, 'exported')}`
    : `export { ${each.names.map(exportName).join(', ')} } from ${from};`;
}

/**
 * @param {Provided} each
 * @param {number} start
 * @param {{name: string, exports: Set<string>}} core
 * @param {(output: string) => string} nameOf
 */
function facade(each, start, core, nameOf) {
  const from = JSON.stringify(`../${nameOf(core.name)}`);
  if (each.commonJS) {
    return `import { ${slot(start)} as exported } from ${from};\n${commonJSExports(each.names, 'exported')}`;
  }
  const names = each.names
    .map((name, index) => ({ name, slot: slot(start + index) }))
    .filter(found => core.exports.has(found.slot))
    .map(found => `${found.slot} as ${exportName(found.name)}`);
  return `export { ${names.join(', ')} } from ${from};\n`;
}

/** The facade of an entry, which has the right names already. @param {{name: string, exports: Set<string>}} home @param {(output: string) => string} nameOf */
function mirror(home, nameOf) {
  const names = [...home.exports].sort().map(exportName);
  return `export { ${names.join(', ')} } from ${JSON.stringify(`../${nameOf(home.name)}`)};\n`;
}

/**
 * Both views of one CommonJS exports object. The names are read once: CommonJS packages fill
 * their exports while they load, and they have loaded by the time a facade runs.
 *
 * @param {string[]} names
 * @param {string} object
 */
function commonJSExports(names, object) {
  const taken = names.map((name, index) => `${JSON.stringify(name)}: n${index}`);
  const given = names.map((name, index) => `n${index} as ${exportName(name)}`);
  return `const { ${taken.join(', ')} } = ${object};
export { ${[`${object} as "module.exports"`, ...given].join(', ')} };
export default ${object} && ${object}.__esModule && "default" in ${object} ? ${object}.default : ${object};
`;
}

/** A name as it stands in an export clause. @param {string} name */
function exportName(name) {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? name : JSON.stringify(name);
}

/** Inputs that are loaded with the entry. @param {Metafile['inputs']} inputs @param {string} entry */
function staticallyReached(inputs, entry) {
  const reached = new Set([entry]);
  for (const input of reached) {
    for (const each of inputs[input]?.imports ?? []) {
      if (!each.external && each.kind !== 'dynamic-import') {
        reached.add(each.path);
      }
    }
  }
  return reached;
}

/** @template T @param {Map<string, T>} outputs @param {string} entry @returns {T} */
function need(outputs, entry) {
  const found = outputs.get(entry);
  if (!found) {
    throw new Error(
      `esbuild made no output for "${entry}"; it made ${[...outputs.keys()].join(', ')}`
    );
  }
  return found;
}

/** From an entry module to hashed ES modules: esbuild with our plugins, run once or twice. */

import path from 'node:path';
import * as esbuild from 'esbuild';
import { assets, LOADERS, PROCESS, shimFile } from './assets.mjs';
import { nameDynamicCommonJS } from './dynamic.mjs';
import { BuildError, problem } from './events.mjs';
import { fold } from './fold.mjs';
import { fromEsbuild, translated } from './messages.mjs';
import { findPackage, packageName, packageOf } from './npm.mjs';
import { relative } from './paths.mjs';
import { CORE, LAZY, Provider } from './provide.mjs';
import { SharedModules } from './shared.mjs';

/** @typedef {import('./events.mjs').Diagnostic} Diagnostic */
/** @typedef {import('./files.mjs').Files} Files */
/** @typedef {import('esbuild').Metafile} Metafile */

/**
 * What a bundle consists of; names are relative to the output folder.
 *
 * @typedef {object} Bundle
 * @property {Files} files
 * @property {string} module
 * @property {string[]} styles
 * @property {string[]} preload
 * @property {Record<string, {version: string, file: string}>} provides
 * @property {Record<string, string>} requires
 * @property {string[]} inputs every file that something of ended up in the bundle, absolute
 * @property {Map<string, number>} sizes how many bytes of each
 * @property {Map<string, number>} startSizes how many of them are loaded at the start
 * @property {string[]} read what was read and is not installed, absolute
 * @property {Diagnostic[]} diagnostics warnings
 */

/** Namespaces of our plugins whose paths are those of real files. */
const FILE_NAMESPACES = new Set(['plughost-picture', 'plughost-picture-file', 'plughost-address']);

/** A name for esbuild to put paths below; nothing is written there. */
const OUTDIR = 'plughost-bundle';

/**
 * A bundler that keeps what it parsed, so that it can be run again after an edit.
 *
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @param {SharedModules} [shared] what is left to the page, and how
 */
export async function openBundler(
  request,
  source,
  shared = new SharedModules(source, request.shared)
) {
  const provider = new Provider(source);
  const base = baseOptions(request, source, [shared.plugin(), assets]);
  const context = await esbuild.context({
    ...base,
    entryPoints: { index: source.entry, ...provider.entryPoints },
    plugins: [provider.plugin(), ...(base.plugins ?? [])]
  });
  const run = async () => {
    try {
      return /** @type {esbuild.BuildResult<{write: false, metafile: true}>} */ (
        await context.rebuild()
      );
    } catch (error) {
      throw translated(error, source, shared);
    }
  };
  return {
    /** @returns {Promise<Bundle>} @throws {BuildError} */
    async build() {
      refuse(shared.conflicts());
      let result = await run().catch(error => {
        // Modules of ours may still want what is no longer there.
        if (!provider.isToBlame(error)) {
          throw error;
        }
        provider.forget();
        return run();
      });
      if (source.provides.length > 0) {
        const asBefore = await provider.survey(result.metafile, base);
        refuse(copies(result.metafile, source));
        // After most edits what is provided is what it was, and once is enough.
        result = asBefore ? result : await run();
      }
      return assemble(result, { request, source, shared, provider, options: base });
    },
    dispose: () => context.dispose()
  };
}

/**
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @param {esbuild.Plugin[]} plugins
 * @returns {esbuild.BuildOptions}
 */
export function baseOptions(request, source, plugins) {
  const production = request.mode === 'production';
  return {
    absWorkingDir: source.folder,
    outdir: path.join(source.folder, OUTDIR),
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic', // unless a tsconfig.json says otherwise
    minify: production,
    sourcemap: request.sourcemap ? 'linked' : false,
    legalComments: 'none', // third-party-licenses.json has them all
    metafile: true,
    write: false,
    logLevel: 'silent',
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    // Another order breaks json5 or @lumino/coreutils.
    mainFields: ['browser', 'module', 'main'],
    conditions: ['module', request.mode],
    loader: LOADERS,
    define: {
      'process.env.NODE_ENV': JSON.stringify(request.mode),
      global: 'globalThis',
      __dirname: '"/"',
      __filename: '"/index.js"'
    },
    inject: [PROCESS],
    plugins
  };
}

/**
 * @param {esbuild.BuildResult<{write: false, metafile: true}>} result
 * @param {{request: import('./request.mjs').Request, source: import('./source.mjs').Source,
 *   shared: SharedModules, provider: Provider, options: esbuild.BuildOptions}} made
 * @returns {Promise<Bundle>}
 */
async function assemble(result, { request, source, shared, provider, options }) {
  const { outputs } = result.metafile;
  const nameOf = (/** @type {string} */ output) => path.posix.relative(OUTDIR, output);
  const entry = relative(source.folder, source.entry);
  const index = outputOf(outputs, entry);
  if (source.pages.length > 0 && !outputs[index].exports.includes('default')) {
    const what = source.app ? 'the function that makes the app' : 'an array of plugins';
    const hint = `Add "export default …": ${what}, which the page asks it for.`;
    refuse([problem('The entry module has no default export.', { file: entry, hint })]);
  }
  const unused = new Set([
    LAZY,
    ...(provider.provided.some(each => each.place === 'core') ? [] : [CORE])
  ]);
  const styles = styleSheets(outputs, outputs[index].cssBundle);
  const isKept = (/** @type {string} */ each) =>
    each.endsWith('.css') ? styles.includes(each) : !unused.has(outputs[each].entryPoint ?? '');
  const kept = Object.keys(outputs).filter(each => isKept(each.replace(/\.map$/, '')));

  const written = new Map(result.outputFiles.map(file => [file.path, file.contents]));
  const contents = new Map(
    kept.map(output => [
      output,
      written.get(path.resolve(source.folder, output)) ?? new Uint8Array()
    ])
  );
  nameDynamicCommonJS(result.metafile, contents);
  const split = new Map([...contents].map(([output, text]) => [nameOf(output), text]));
  const atStart = closure(outputs, index);
  const chunks = atStart.map(nameOf);
  // Apart they are easier to debug, and source maps would not fit what is folded.
  const whole = request.mode === 'production' && !request.sourcemap && chunks.length > 0;
  const { files, renamed } = whole
    ? await fold(split, nameOf(index), chunks, outputs[index].exports, options)
    : { files: split, renamed: (/** @type {string} */ name) => name };
  const { provides, facades } = provider.facades(result.metafile, each => renamed(nameOf(each)));
  for (const [name, contents] of facades) {
    files.set(name, contents);
  }

  const used = kept.flatMap(output => shared.usedBy(outputs[output]));
  const settled = shared.settle(new Set(used));
  refuse(settled.diagnostics);
  const sizes = contributions(
    kept.map(output => outputs[output]),
    source.folder
  );
  return {
    files,
    module: renamed(nameOf(index)),
    styles: styles.map(nameOf),
    preload: whole ? [] : chunks,
    provides: versions(provides, source),
    requires: settled.requires,
    inputs: [...sizes.keys()].sort(),
    sizes,
    startSizes: contributions(
      [index, ...atStart, ...styles].map(output => outputs[output]),
      source.folder
    ),
    read: Object.keys(result.metafile.inputs)
      .filter(input => !/^plughost-shim:|(?:^|\/)node_modules\//.test(input))
      .map(input => onDisk(input, source.folder))
      .filter(file => file !== undefined),
    diagnostics: [
      ...result.warnings.map(message => fromEsbuild(message, 'warning')),
      ...settled.diagnostics
    ]
  };
}

/**
 * The entry's style sheet, and those of lazy chunks that hold something it does not: a chunk
 * cannot load its own, and a style that comes too early does no harm.
 *
 * @param {Metafile['outputs']} outputs
 * @param {string | undefined} main
 */
function styleSheets(outputs, main) {
  const styles = main ? [main] : [];
  const covered = new Set(main ? Object.keys(outputs[main].inputs) : []);
  for (const output of Object.keys(outputs).sort()) {
    const inputs = Object.keys(outputs[output].inputs);
    if (output.endsWith('.css') && inputs.some(input => !covered.has(input))) {
      styles.push(output);
      for (const input of inputs) {
        covered.add(input);
      }
    }
  }
  return styles;
}

/** What an output imports statically, itself not included. @param {Metafile['outputs']} outputs @param {string} output */
function closure(outputs, output) {
  const reached = new Set([output]);
  for (const each of reached) {
    for (const { path: next, kind, external } of outputs[each].imports) {
      if (kind === 'import-statement' && !external) {
        reached.add(next);
      }
    }
  }
  reached.delete(output);
  return [...reached];
}

/** @param {Metafile['outputs']} outputs @param {string} entry */
function outputOf(outputs, entry) {
  const found = Object.keys(outputs).find(
    each => outputs[each].entryPoint === entry && each.endsWith('.js')
  );
  if (!found) {
    throw new Error(`esbuild made no output for the entry "${entry}"`);
  }
  return found;
}

/**
 * How many bytes of each file on disk are in outputs.
 *
 * @param {Metafile['outputs'][string][]} outputs
 * @param {string} folder
 */
function contributions(outputs, folder) {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const { inputs } of outputs) {
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const file = bytesInOutput > 0 ? onDisk(input, folder) : undefined;
      if (file) {
        found.set(file, bytesInOutput + (found.get(file) ?? 0));
      }
    }
  }
  return found;
}

/** The file behind an input of the metafile, unless it is one of our virtual modules. @param {string} input @param {string} folder */
function onDisk(input, folder) {
  const [, namespace, rest] = /^(?:(plughost-[a-z-]+):)?(.*)$/s.exec(input) ?? [];
  if (namespace === undefined && !input.startsWith('(disabled):')) {
    return path.resolve(folder, input);
  }
  if (namespace === 'plughost-shim') {
    return shimFile(rest);
  }
  return namespace && FILE_NAMESPACES.has(namespace) ? path.resolve(folder, rest) : undefined;
}

/**
 * A provided package that lies in the bundle twice: who gets which copy would be chance.
 *
 * @param {Metafile} metafile
 * @param {import('./source.mjs').Source} source
 */
function copies({ inputs }, source) {
  const single = new Set(
    source.provides.map(packageName).filter(name => !source.private.includes(name))
  );
  /** @type {Map<string, Map<string, {version: string, importers: Set<string>}>>} name → folder → … */
  const found = new Map();
  for (const [input, { imports }] of Object.entries(inputs)) {
    for (const each of imports) {
      const file = each.external ? undefined : onDisk(each.path, source.folder);
      const target = file && packageOf(file);
      if (!target || !single.has(target.manifest.name) || each.path.endsWith('.css')) {
        continue;
      }
      const importer = packageOf(onDisk(input, source.folder) ?? source.folder);
      const folders = found.get(target.manifest.name) ?? new Map();
      const copy = folders.get(target.folder) ?? {
        version: target.manifest.version,
        importers: new Set()
      };
      if (importer?.folder !== target.folder) {
        copy.importers.add(importer?.manifest.name ?? source.name);
      }
      found.set(target.manifest.name, folders.set(target.folder, copy));
    }
  }
  return [...found]
    .filter(([, folders]) => folders.size > 1)
    .map(([name, folders]) =>
      problem(
        `"${name}" would be in the bundle ${folders.size} times: ${[...folders.values()]
          .map(copy => `${copy.version} for ${[...copy.importers].sort().join(', ')}`)
          .join('; ')}.`,
        {
          file: 'package.json',
          hint: `Make them agree with "overrides"; if copies do no harm: "plughost": {"private": ["${name}"]}.`
        }
      )
    );
}

/** @param {Map<string, string>} provides @param {import('./source.mjs').Source} source */
function versions(provides, source) {
  return Object.fromEntries(
    [...provides].map(([specifier, file]) => {
      const name = packageName(specifier);
      const version =
        name === source.name ? source.version : findPackage(name, source.folder)?.manifest.version;
      return [specifier, { version: version ?? '', file }];
    })
  );
}

/** Stop when one of them is an error. @param {Diagnostic[]} diagnostics */
function refuse(diagnostics) {
  if (diagnostics.some(each => each.severity === 'error')) {
    throw new BuildError(diagnostics);
  }
}

/**
 * The type pack: the declarations of what a frontend provides, for those who build against it.
 *
 * One compressed JSON file: `modules` says where the types of each specifier lie, `files` holds
 * every declaration that can be reached from there and the package.json files that say how.
 * What other frontends provide is not in it: their packs have it.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { runCompiler } from './compiler.mjs';
import { report, warning } from './events.mjs';
import { contentHash } from './files.mjs';
import { isRunning } from './lock.mjs';
import { isBare, packageOf } from './npm.mjs';
import { slashed } from './paths.mjs';
import { ourFolder, writeConfig } from './tsconfig.mjs';
import { list } from './words.mjs';

/** @typedef {import('./files.mjs').Files} Files */

/**
 * A file of the program, and the bare imports that lead to it: specifier → who imports it so.
 *
 * @typedef {Map<string, Map<string, Set<string>>>} Program
 */

/** What TypeScript reads of a package.json. */
const KEPT = [
  'name',
  'version',
  'type',
  'types',
  'typings',
  'typesVersions',
  'exports',
  'imports',
  'main'
];

const DECLARATION = /\.d\.(?:\w+\.)?[cm]?ts$/;

/**
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @returns {Promise<Files>} one file, or none
 */
export async function packTypes(request, source) {
  return source.provides.length > 0 ? pack(request, source) : new Map();
}

/** @param {import('./request.mjs').Request} request @param {import('./source.mjs').Source} source */
async function pack(request, source) {
  // Inside the source, because packages are looked up from here upwards.
  const desk = await clearDesk(ourFolder(source));
  try {
    const { modules, files } = await collect(desk, request, source);
    const missing = source.provides.filter(specifier => !modules.has(specifier));
    if (missing.length > 0) {
      report(
        warning(`There are no types of ${list(missing.map(each => `"${each}"`))}.`, {
          file: 'package.json',
          hint: 'Whoever builds against this frontend will have to do without: look for them among the @types packages.'
        })
      );
    }
    const text = JSON.stringify({ format: 1, modules: sorted(modules), files: sorted(files) });
    const contents = Buffer.from(text);
    const packed = await promisify(zlib.gzip)(contents, { level: 9 });
    packed[9] = 255; // gzip's own note of the operating system: "unknown"
    return new Map([[`types-${contentHash(contents)}.json.gz`, packed]]);
  } finally {
    await rm(desk, { recursive: true, force: true });
  }
}

/** A folder to work in, without what killed builds left behind. @param {string} folder */
async function clearDesk(folder) {
  for (const name of readdirSync(folder)) {
    const pid = /^pack-(\d+)$/.exec(name)?.[1];
    if (pid && !isRunning(Number(pid))) {
      await rm(path.join(folder, name), { recursive: true, force: true });
    }
  }
  const desk = path.join(folder, `pack-${process.pid}`);
  mkdirSync(desk, { recursive: true });
  return desk;
}

/**
 * @param {string} desk
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @returns {Promise<{modules: Map<string, string>, files: Map<string, string>}>}
 */
async function collect(desk, request, source) {
  const entry = path.join(desk, 'provides.ts');
  writeFileSync(entry, importsOf(source.provides));
  /** @type {Record<string, string[]>} */
  const paths = source.provides.includes(source.name) ? { [source.name]: [source.entry] } : {};
  let program = await programOf(desk, entry, request, source, paths);
  const sources = [...program.keys()].filter(file => file !== entry && !isDeclared(file));
  const base = common([...sources, entry].map(path.dirname));
  const emitted = path.join(desk, 'out');
  if (sources.length > 0) {
    await emitDeclarations(desk, base, emitted, source.folder);
    for (const file of sources) {
      for (const specifier of program.get(file)?.keys() ?? []) {
        paths[specifier] = [path.join(emitted, path.relative(base, declarationOf(file)))];
      }
    }
    program = await programOf(desk, entry, request, source, paths);
  }

  const original = (/** @type {string} */ file) =>
    isBelow(file, emitted) ? path.join(base, path.relative(emitted, file)) : file;
  const packed = [...program.keys()].filter(
    file => isDeclared(file) && !request.types.some(folder => isBelow(file, folder))
  );
  const place = places(packed.map(original));
  /** @type {Map<string, string>} */
  const modules = new Map();
  /** @type {Map<string, string>} */
  const files = new Map();
  for (const file of packed) {
    const at = original(file);
    files.set(place(at), withoutMap(readFileSync(file, 'utf8')));
    for (const manifest of manifestsAbove(at)) {
      files.set(place(manifest), reduced(readFileSync(manifest, 'utf8')));
    }
    for (const [specifier, importers] of program.get(file) ?? []) {
      if (importers.has(entry)) {
        modules.set(specifier, place(at));
      }
    }
  }
  return { modules, files };
}

/** @param {string[]} specifiers */
function importsOf(specifiers) {
  return specifiers
    .map((each, index) => `import type * as m${index} from ${JSON.stringify(each)};\n`)
    .join('');
}

/**
 * All files that the compiler would read, the library's own left out.
 *
 * @param {string} desk
 * @param {string} entry
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @param {Record<string, string[]>} paths
 * @returns {Promise<Program>}
 */
async function programOf(desk, entry, request, source, paths) {
  const config = await writeConfig(desk, request, source, { files: [entry], paths });
  const args = ['--listFilesOnly', '--explainFiles', '--deduplicatePackages', 'false'];
  const { output } = await runCompiler(desk, ['-p', config ?? desk, ...args]);
  /** @type {Program} */
  const program = new Map();
  /** @type {Map<string, Set<string>>} */
  let imports = new Map();
  for (const line of output.split(/\r?\n/)) {
    const imported = /^ +Imported via ["'](.+)["'] from file '(.+?)'/.exec(line);
    if (imported) {
      const [, specifier, importer] = imported;
      if (isBare(specifier)) {
        const importers = imports.get(specifier) ?? new Set();
        imports.set(specifier, importers.add(path.resolve(desk, importer)));
      }
    } else if (/^\S.*\.(?:[cm]?tsx?|json)$/.test(line)) {
      imports = new Map();
      program.set(path.resolve(desk, line), imports);
    }
  }
  for (const file of program.keys()) {
    const { name } = packageOf(file)?.manifest ?? {};
    if (file === path.join(desk, 'assets.d.ts') || name?.startsWith('@typescript/typescript-')) {
      program.delete(file);
    }
  }
  return program;
}

/** @param {string} desk @param {string} base @param {string} emitted @param {string} folder */
async function emitDeclarations(desk, base, emitted, folder) {
  // Errors are the type check's to report; what can be declared is written all the same.
  const args = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly'];
  const quietly = ['--noEmitOnError', 'false', '--incremental', 'false', '--composite', 'false'];
  const whereTo = ['--rootDir', base, '--outDir', emitted, '--declarationMap', 'false'];
  await runCompiler(folder, ['-p', desk, ...args, ...quietly, ...whereTo]);
}

/** @param {string} file */
function isDeclared(file) {
  return DECLARATION.test(file) || file.endsWith('.json');
}

/** @param {string} file */
function declarationOf(file) {
  return file.replace(/\.([cm]?)tsx?$/, '.d.$1ts');
}

/** @param {string} file @param {string} folder */
function isBelow(file, folder) {
  return file.startsWith(folder + path.sep);
}

/** The folder that all are in. @param {string[]} folders */
function common([first, ...others]) {
  return others.reduce((base, folder) => {
    while (base !== folder && !isBelow(folder, base)) {
      base = path.dirname(base);
    }
    return base;
  }, first);
}

/**
 * Where each file goes: below the `node_modules` that most lie in, as they lie there; those of
 * other packages of a workspace as if they were installed there.
 *
 * @param {string[]} files
 * @returns {(file: string) => string}
 */
function places(files) {
  const mark = `${path.sep}node_modules${path.sep}`;
  const heads = files.filter(file => file.includes(mark)).map(file => file.split(mark, 1)[0]);
  const top = heads.reduce((one, other) => (other.length < one.length ? other : one), heads[0]);
  const posix = (/** @type {string[]} */ ...parts) => slashed(parts.join('/')).replace(/^\//, '');
  return file => {
    const [head] = file.split(mark, 1);
    if (head === top) {
      return posix(file.slice(top.length));
    }
    const home = packageOf(path.join(head === file ? path.dirname(file) : head, 'x'));
    return posix(
      'node_modules',
      home?.manifest.name ?? '',
      path.relative(home?.folder ?? head, file)
    );
  };
}

/** The package.json files from a file's folder up to its package. @param {string} file @returns {string[]} */
function manifestsAbove(file) {
  const top = packageOf(file)?.folder;
  const found = [];
  for (let folder = path.dirname(file); top && folder.length >= top.length; ) {
    const manifest = path.join(folder, 'package.json');
    if (existsSync(manifest)) {
      found.push(manifest);
    }
    folder = path.dirname(folder);
  }
  return found;
}

/** @param {string} text of a package.json */
function reduced(text) {
  const manifest = JSON.parse(text);
  return JSON.stringify(Object.fromEntries(KEPT.map(key => [key, manifest[key]])));
}

/** Neither the map nor the sources are there. @param {string} text */
function withoutMap(text) {
  return text.replace(/^\/\/# sourceMappingURL=.*$\n?/gm, '');
}

/** @param {Map<string, string>} map */
function sorted(map) {
  return Object.fromEntries([...map].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** What TypeScript is told: the author's tsconfig.json, the types of the page, those of assets. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LOADERS } from './assets.mjs';
import { readConfig } from './compiler.mjs';
import { packageName, packageOf } from './npm.mjs';
import { relative } from './paths.mjs';

/** @typedef {import('./request.mjs').Request} Request */
/** @typedef {import('./source.mjs').Source} Source */

/** The folder in a source that is ours; it git-ignores itself. */
const OURS = '.plughost';

/** In an unpacked type pack: specifier → file. */
const MODULES = 'modules.json';

/** For authors who do not say otherwise. */
const DEFAULTS = {
  target: 'es2022',
  module: 'esnext',
  moduleResolution: 'bundler',
  lib: ['es2022', 'dom', 'dom.iterable'],
  jsx: 'react-jsx',
  strict: true,
  noEmit: true,
  isolatedModules: true,
  skipLibCheck: true,
  types: []
};

/** The author's own tsconfig.json, if there is one. @param {Source} source */
export function authorsConfig(source) {
  const file = path.join(source.folder, 'tsconfig.json');
  return existsSync(file) ? file : undefined;
}

/**
 * Write a tsconfig.json for a program that has files of its own besides the author's, or
 * instead of them, and sees one copy of every shared module's types: the page's.
 *
 * @param {string} folder absolute, to write into
 * @param {Request} request
 * @param {Source} source
 * @param {{files?: string[], paths?: Record<string, string[]>}} [more] instead of the author's
 *   files; more paths, absolute
 * @returns {Promise<string | undefined>} the file; nothing if the author's config names no files
 */
export async function writeConfig(folder, request, source, { files, paths } = {}) {
  const author = authorsConfig(source);
  const given = author ? await readConfig(author) : undefined;
  if (given && !files && given.files.length === 0) {
    return undefined;
  }
  const page = pageTypes(request, source);
  const assets = path.join(folder, 'assets.d.ts');
  const seen = files ?? given?.files;
  writeFileSync(assets, assetTypes(seen ?? declarationsBeside(source)));
  const file = path.join(folder, 'tsconfig.json');
  const config = {
    ...(author && { extends: author }),
    compilerOptions: {
      ...(!author && DEFAULTS),
      paths: { ...given?.paths, ...page.paths, ...paths },
      typeRoots: [...page.typeRoots, ...(given?.typeRoots ?? typeRoots(source.folder))]
    },
    files: [assets, ...(seen ?? [])],
    include: seen ? [] : [sourcesOf(source)]
  };
  writeFileSync(file, json(config));
  return file;
}

/**
 * Write `.plughost/tsconfig.json`, with which an editor sees the types that the build sees, if
 * the author's tsconfig.json extends it. It must be there before anything reads that one.
 *
 * @param {Request} request
 * @param {Source} source
 */
export function writeConfigToExtend(request, source) {
  const author = authorsConfig(source);
  if (!author || !readFileSync(author, 'utf8').includes(`${OURS}/`)) {
    return;
  }
  const file = path.join(source.folder, OURS, 'tsconfig.json');
  if (!request.check && existsSync(file)) {
    return; // such a request has no types
  }
  const page = pageTypes(request, source);
  const config = {
    compilerOptions: {
      ...DEFAULTS,
      paths: page.paths,
      typeRoots: [...page.typeRoots, ...typeRoots(source.folder)]
    },
    files: ['./assets.d.ts'],
    include: [`../${relative(source.folder, sourcesOf(source))}`]
  };
  try {
    const folder = ourFolder(source);
    writeIfNew(path.join(folder, 'assets.d.ts'), assetTypes(declarationsBeside(source)));
    writeIfNew(file, json(config));
  } catch (error) {
    // A source that cannot be written to is not being edited either.
    if (!['EACCES', 'EPERM', 'EROFS'].includes(/** @type {any} */ (error).code)) {
      throw error;
    }
  }
}

/**
 * Whether the author's tsconfig.json stands on ours and leaves to it what only a build knows: then
 * the compiler can take it as it is.
 *
 * @param {Source} source
 */
export function extendsOurs(source) {
  const author = authorsConfig(source);
  if (!author || !existsSync(path.join(source.folder, OURS, 'tsconfig.json'))) {
    return false;
  }
  try {
    const { extends: base, files, compilerOptions = {} } = JSON.parse(readFileSync(author, 'utf8'));
    const changed = ['paths', 'typeRoots'].some(key => key in compilerOptions);
    return base === `./${OURS}/tsconfig.json` && files === undefined && !changed;
  } catch {
    return false; // it may have comments, which the compiler can read
  }
}

/** Make `.plughost` in a source's folder. @param {Source} source @returns {string} */
export function ourFolder(source) {
  const folder = path.join(source.folder, OURS);
  mkdirSync(folder, { recursive: true });
  writeIfNew(path.join(folder, '.gitignore'), '*\n');
  return folder;
}

/**
 * Where the types of shared modules lie: exactly those that this frontend takes from the page.
 *
 * @param {Request} request
 * @param {Source} source
 * @returns {{paths: Record<string, string[]>, typeRoots: string[]}}
 */
function pageTypes(request, source) {
  /** @type {Record<string, string[]>} */
  const exact = {};
  /** @type {Record<string, string[]>} */
  const below = {};
  const own = new Set([...source.private, ...source.provides]);
  for (const folder of request.types) {
    const modules = JSON.parse(readFileSync(path.join(folder, MODULES), 'utf8'));
    for (const [specifier, name] of Object.entries(modules)) {
      const owner = packageName(specifier);
      if (!(specifier in request.shared) || own.has(specifier) || own.has(owner)) {
        continue;
      }
      const file = path.join(folder, name);
      exact[specifier] ??= [file];
      // Types of what has no entry of its own, which may still be imported as a type.
      below[`${owner}/*`] ??= [path.join(packageOf(file)?.folder ?? path.dirname(file), '*')];
    }
  }
  return {
    paths: { ...exact, ...below },
    // For `/// <reference types="react" />`, which goes by no path.
    typeRoots: request.types.flatMap(typesIn)
  };
}

/** Where `types` are looked up from a folder, which is not that of the configuration. @param {string} folder @returns {string[]} */
function typeRoots(folder) {
  const parent = path.dirname(folder);
  return [...typesIn(folder), ...(parent === folder ? [] : typeRoots(parent))];
}

/** @param {string} folder */
function typesIn(folder) {
  const types = path.join(folder, 'node_modules/@types');
  return existsSync(types) ? [types] : [];
}

/** The entry's folder; the entry alone where that folder holds everything else, too. @param {Source} source */
function sourcesOf({ entry, folder }) {
  return path.dirname(entry) === folder ? entry : path.dirname(entry);
}

/** @param {Source} source */
function declarationsBeside(source) {
  const place = sourcesOf(source);
  return place === source.entry || !existsSync(place)
    ? []
    : readdirSync(place, { recursive: true, encoding: 'utf8' }).map(each => path.join(place, each));
}

/**
 * Declarations of what importing an asset gives, but for those that the author has declared.
 *
 * @param {string[]} files
 */
function assetTypes(files) {
  const declared = new Set(
    files
      .filter(file => /\.d\.[cm]?ts$/.test(file))
      .flatMap(file => [...readFileSync(file, 'utf8').matchAll(/\bmodule\s+(['"])\*(\.[^'"]+)\1/g)])
      .map(match => match[2])
  );
  const bodies = {
    ...Object.fromEntries(
      Object.entries(LOADERS).map(([suffix, loader]) => [
        suffix,
        loader === 'text'
          ? '{\n  const text: string;\n  export default text;\n}'
          : '{\n  const address: string;\n  export default address;\n}'
      ])
    ),
    '.module.css':
      '{\n  const names: Readonly<Record<string, string>>;\n  export default names;\n}',
    // Last: the first pattern that fits is taken.
    '.css': '{}'
  };
  return Object.entries(bodies)
    .filter(([suffix]) => !declared.has(suffix))
    .map(([suffix, body]) => `declare module '*${suffix}' ${body}\n`)
    .join('');
}

/** Files whose times change are read again by editors. @param {string} file @param {string} text */
function writeIfNew(file, text) {
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    writeFileSync(file, text);
  }
}

/** @param {unknown} value */
function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

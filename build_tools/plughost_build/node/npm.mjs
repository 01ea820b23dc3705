/** Facts about npm packages: whose file is this, where does a package lie, what is it called. */

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** @typedef {import('./source.mjs').PackageJson} PackageJson */

/**
 * A package on disk.
 *
 * @typedef {object} Package
 * @property {string} folder absolute
 * @property {PackageJson} manifest
 */

/** @type {Map<string, Package | undefined>} */
const byFolder = new Map();

/**
 * The package that a file belongs to: the nearest folder above it whose package.json has a
 * name and a version (nested ones with only a `type` do not count).
 *
 * @param {string} file absolute
 * @returns {Package | undefined}
 */
export function packageOf(file) {
  return packageAt(path.dirname(file));
}

/** @param {string} folder @returns {Package | undefined} */
function packageAt(folder) {
  if (!byFolder.has(folder)) {
    const manifest = read(path.join(folder, 'package.json'));
    const parent = path.dirname(folder);
    byFolder.set(
      folder,
      manifest?.name && manifest.version
        ? { folder, manifest }
        : parent === folder
          ? undefined
          : packageAt(parent)
    );
  }
  return byFolder.get(folder);
}

/**
 * An installed package, looked up as Node does: in `node_modules` here and in every folder above.
 *
 * @param {string} name
 * @param {string} from absolute folder
 * @returns {Package | undefined}
 */
export function findPackage(name, from) {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const manifest = read(path.join(folder, 'node_modules', name, 'package.json'));
    if (manifest) {
      return { folder: path.join(folder, 'node_modules', name), manifest };
    }
    if (path.dirname(folder) === folder) {
      return undefined;
    }
  }
}

/** The package part of a specifier: "react" of "react/jsx-runtime". @param {string} specifier */
export function packageName(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Whether a specifier names a package, not a file, URL or builtin. @param {string} specifier */
export function isBare(specifier) {
  return /^(?:@[^/]+\/)?[a-zA-Z0-9_-][^:]*$/.test(specifier);
}

/** The range in which a package asks for another at run time. @param {PackageJson} manifest @param {string} name */
export function rangeFor(manifest, name) {
  return manifest.dependencies?.[name] ?? manifest.peerDependencies?.[name];
}

/** @param {string} file @returns {PackageJson | undefined} */
function read(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

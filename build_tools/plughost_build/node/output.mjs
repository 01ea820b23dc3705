/** What a build puts into the output folder, apart from compressed twins: bundle and manifest. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { packagesIn } from './packages.mjs';
import { Parts } from './parts.mjs';
import { relative } from './paths.mjs';

/**
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @param {{build(): Promise<import('./bundle.mjs').Bundle>}} bundler
 * @param {Parts} [parts] kept from the build before
 */
export async function makeOutput(request, source, bundler, parts = new Parts(request, source)) {
  const [bundle, themes, types] = await Promise.all([
    bundler.build(),
    parts.themes(),
    parts.types()
  ]);
  const manifest = manifestOf(request, source, bundle, [...types.keys()][0]);
  const inputs = [...bundle.inputs, ...themes.inputs];
  /** @type {import('./files.mjs').Files} */
  const files = new Map([
    ...bundle.files,
    ...themes.files,
    ...parts.schemas(),
    ...types,
    ['third-party-licenses.json', jsonFile(parts.licenses(inputs))],
    ['packages.json', jsonFile(packagesIn(bundle.sizes))],
    ...outside(request, source, bundle),
    ['plughost.json', jsonFile(manifest)]
  ]);
  return { bundle, files, manifest, inputs };
}

/**
 * `outside.json`, where there is anything to say: what was read and no fingerprint covers, such
 * as files of a linked folder, with their hashes.
 *
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @param {import('./bundle.mjs').Bundle} bundle
 * @returns {[string, Uint8Array][]}
 */
function outside({ covered }, { folder }, { read }) {
  const known = new Set(covered);
  const files = read
    .map(file => relative(folder, file))
    .filter(file => !known.has(file) && existsSync(path.join(folder, file)));
  const hash = (/** @type {string} */ file) =>
    createHash('sha256')
      .update(readFileSync(path.join(folder, file)))
      .digest('hex');
  return files.length > 0
    ? [['outside.json', jsonFile(Object.fromEntries(files.sort().map(each => [each, hash(each)])))]]
    : [];
}

/**
 * The files of an output once more, with another type pack and another fingerprint.
 *
 * @param {Awaited<ReturnType<typeof makeOutput>>} output
 * @param {import('./files.mjs').Files} types
 * @param {string} fingerprint
 */
export function amended({ files, manifest }, types, fingerprint) {
  const [name] = types.keys();
  const other = { ...manifest, ...(name && { types: name }), fingerprint };
  const made = new Map([...files, ...types, ['plughost.json', jsonFile(other)]]);
  if (manifest.types && manifest.types !== name) {
    made.delete(manifest.types);
  }
  return made;
}

/**
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @param {import('./bundle.mjs').Bundle} bundle
 * @param {string | undefined} types name of the type pack
 */
function manifestOf(request, source, bundle, types) {
  return {
    format: 1,
    name: source.name,
    version: source.version,
    engine: source.engine,
    app: source.app,
    pages: source.pages,
    module: bundle.module,
    styles: bundle.styles,
    preload: bundle.preload,
    provides: bundle.provides,
    requires: bundle.requires,
    ...(types && { types }),
    fingerprint: request.fingerprint
  };
}

/** @param {unknown} value */
export function jsonFile(value) {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

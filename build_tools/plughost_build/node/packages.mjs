/** What lies in a bundle, by npm package: for whoever looks for copies, or for weight. */

import { packageOf } from './npm.mjs';

/**
 * The contents of packages.json, heaviest first; bytes are those of the bundle uncompressed.
 *
 * @param {Map<string, number>} sizes file, absolute → how many bytes of it are in the bundle
 * @returns {{name: string, version: string, bytes: number}[]}
 */
export function packagesIn(sizes) {
  /** @type {Map<string, {name: string, version: string, bytes: number}>} */
  const found = new Map();
  for (const [file, bytes] of sizes) {
    const manifest = packageOf(file)?.manifest;
    // The bundler's own shims are in most bundles, and nobody's copy.
    if (manifest && manifest.name !== '@plughost/bundler') {
      const { name, version } = manifest;
      const key = `${name}@${version}`;
      found.set(key, { name, version, bytes: bytes + (found.get(key)?.bytes ?? 0) });
    }
  }
  return [...found.values()].sort(
    (one, other) => other.bytes - one.bytes || (one.name < other.name ? -1 : 1)
  );
}

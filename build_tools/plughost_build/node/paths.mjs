/** Paths as esbuild, manifests and messages have them on every system: with forward slashes. */

import path from 'node:path';

/** @param {string} file */
export function slashed(file) {
  return file.split(path.sep).join('/');
}

/** @param {string} folder @param {string} file */
export function relative(folder, file) {
  return slashed(path.relative(folder, file));
}

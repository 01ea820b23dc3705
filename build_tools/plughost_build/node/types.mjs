/** The type pack: the declarations of what a frontend provides, for those who build against it. */

/**
 * @param {import('./request.mjs').Request} _request
 * @param {import('./source.mjs').Source} _source
 * @returns {Promise<import('./files.mjs').Files>} one file, or none
 */
export async function packTypes(_request, _source) {
  return new Map();
}

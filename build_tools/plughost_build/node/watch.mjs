/** Build again after each edit, with everything kept that has not changed. */

/** @param {import('./request.mjs').Request} _request */
export async function watch(_request) {
  throw new Error('nothing can be watched yet');
}

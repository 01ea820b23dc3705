/** The same source as a labextension: what stock JupyterLab loads from share/jupyter/labextensions. */

/**
 * @param {import('./request.mjs').Request} _request
 * @param {import('./source.mjs').Source} _source
 * @returns {Promise<import('./files.mjs').Files>}
 */
export async function buildLabextension(_request, _source) {
  throw new Error('labextensions cannot be built yet');
}

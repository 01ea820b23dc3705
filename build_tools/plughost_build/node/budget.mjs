/** The size budget: what an extension may cost whoever opens the page. */

/**
 * @param {import('./source.mjs').Source} _source
 * @param {import('./bundle.mjs').Bundle} _bundle
 * @param {import('./files.mjs').Files} _files
 */
export function checkBudget(_source, _bundle, _files) {}

/**
 * Stands in for Node's global `process` where a package uses it without importing it.
 *
 * esbuild puts it into every bundle with CommonJS in it, used or not, so it is only what code
 * for browsers looks at; who imports `process` gets the npm package of that name.
 */
export const process = {
  env: {},
  argv: [],
  browser: true,
  platform: 'browser',
  version: '',
  versions: {},
  cwd: () => '/',
  /** @param {(...args: unknown[]) => void} callback @param {unknown[]} args */
  nextTick: (callback, ...args) => queueMicrotask(() => callback(...args))
};

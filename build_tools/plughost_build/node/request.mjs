/** The request file: what the Python half asks for, checked before anything is touched. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BadRequest } from './events.mjs';
import { nearest } from './words.mjs';

/**
 * A shared module that the page is known to provide.
 *
 * @typedef {object} SharedModule
 * @property {string} version version of the package
 * @property {string} [from] the frontend that provides it, for messages
 * @property {{version: string, from: string}[]} [also] others that provide it as well
 */

/**
 * @typedef {object} Request
 * @property {string} source absolute path of the folder with package.json
 * @property {string} output absolute path of the folder to write
 * @property {string[]} covered files of the source, relative to it, that the fingerprint covers
 * @property {'production' | 'development'} mode
 * @property {boolean} check whether TypeScript checks the types
 * @property {boolean} sourcemap
 * @property {Record<string, SharedModule>} shared by specifier
 * @property {string[]} types absolute paths of unpacked type packs
 * @property {string} labextension absolute path of the folder to write a labextension to, or ""
 * @property {boolean} watch whether to go on building after edits
 * @property {string} fingerprint written through to the manifest
 */

/** @type {Record<keyof Request, (value: any) => boolean>} */
const RULES = {
  source: value => typeof value === 'string' && value !== '',
  output: value => typeof value === 'string' && value !== '',
  covered: value => Array.isArray(value) && value.every(each => typeof each === 'string'),
  mode: value => value === 'production' || value === 'development',
  check: value => typeof value === 'boolean',
  sourcemap: value => typeof value === 'boolean',
  shared: value =>
    value !== null &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    Object.values(value).every(each => typeof each?.version === 'string'),
  types: value => Array.isArray(value) && value.every(each => typeof each === 'string'),
  labextension: value => typeof value === 'string',
  watch: value => typeof value === 'boolean',
  fingerprint: value => typeof value === 'string' && value !== ''
};

const DEFAULTS = {
  covered: [],
  mode: 'production',
  check: true,
  sourcemap: false,
  shared: {},
  types: [],
  labextension: '',
  watch: false
};

/**
 * Read and check the request.
 *
 * @param {string | undefined} file
 * @returns {Promise<Request>}
 * @throws {BadRequest} naming the key that is wrong
 */
export async function readRequest(file) {
  if (!file) {
    throw new BadRequest('Usage: node build.mjs <request.json>');
  }
  let given;
  try {
    given = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new BadRequest(
      `The request "${file}" cannot be read: ${/** @type {Error} */ (error).message}`
    );
  }
  for (const key of Object.keys(given)) {
    if (!(key in RULES)) {
      const meant = nearest(key, Object.keys(RULES));
      throw new BadRequest(
        `The request has an unknown key "${key}"${meant ? `; did you mean "${meant}"?` : '.'}`
      );
    }
  }
  const request = { ...DEFAULTS, ...given };
  for (const [key, isRight] of Object.entries(RULES)) {
    if (!isRight(request[key])) {
      throw new BadRequest(`The request's "${key}" is not usable: ${JSON.stringify(request[key])}`);
    }
  }
  return { ...request, source: path.resolve(request.source), output: path.resolve(request.output) };
}

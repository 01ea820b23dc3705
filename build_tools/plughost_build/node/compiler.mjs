/** TypeScript's own compiler: as a process, and as the reader of its configuration files. */

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const FOLDER = path.dirname(createRequire(import.meta.url).resolve('typescript/package.json'));

/** The compiler itself: its script starts it as a child, which nobody could stop. */
const { default: executable } = await part('lib/getExePath.js');
const { Client } = await part('dist/api/sync/client.js');

/**
 * Import a file of TypeScript's by its path, as its version is always the same here. What it
 * exports by name would bring all of its syntax tree along, and take longer to load than a small
 * source takes to check.
 *
 * @param {string} file
 */
function part(file) {
  return import(pathToFileURL(path.join(FOLDER, file)).href);
}

/**
 * Run the compiler; paths in its output are relative to `folder`.
 *
 * @param {string} folder
 * @param {string[]} args
 * @param {AbortSignal} [signal] ends it at once
 * @returns {Promise<{code: number | null, output: string}>}
 */
export function runCompiler(folder, args, signal) {
  return new Promise((resolve, reject) => {
    const child = spawn(executable(), ['--pretty', 'false', ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A run is short: not to collect garbage until there is much saves a quarter of its time.
      env: { GOGC: 'off', GOMEMLIMIT: '1GiB', ...process.env },
      killSignal: 'SIGKILL',
      signal
    });
    /** @type {Buffer[]} */
    const chunks = [];
    child.stdout.on('data', chunk => chunks.push(chunk));
    child.stderr.on('data', chunk => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      const output = Buffer.concat(chunks).toString('utf8');
      resolve({ code, output: killedBy ? `${output}it was ended by ${killedBy}` : output });
    });
  });
}

/**
 * What a tsconfig.json comes to, with all that it extends.
 *
 * @typedef {object} Config
 * @property {string[]} files absolute
 * @property {Record<string, string[]>} paths absolute
 * @property {string[] | undefined} typeRoots absolute
 */

/**
 * Read a tsconfig.json as the compiler does. What is wrong with it, only a run says.
 *
 * @param {string} file absolute
 * @returns {Promise<Config>}
 */
export async function readConfig(file) {
  const client = new Client({ cwd: path.dirname(file) });
  try {
    client.apiRequest('initialize', null);
    const { fileNames, options } = client.apiRequest('parseConfigFile', { file });
    const { paths = {}, typeRoots, pathsBasePath } = /** @type {Record<string, any>} */ (options);
    const absolute = (/** @type {string} */ each) => path.resolve(pathsBasePath, each);
    return {
      files: fileNames,
      paths: Object.fromEntries(
        Object.entries(/** @type {Record<string, string[]>} */ (paths)).map(([key, places]) => [
          key,
          places.map(absolute)
        ])
      ),
      typeRoots
    };
  } finally {
    client.close();
  }
}

/** The output as a map of names to bytes, and how it reaches the disk: whole or not at all. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

/** @typedef {Map<string, Uint8Array>} Files name with forward slashes → bytes */

const brotli = promisify(zlib.brotliCompress);
const gzip = promisify(zlib.gzip);

const TEXT = /\.(?:js|css|json|svg|map|txt|md|html|orig)$/;
const SMALL = 1024;

/** Eight characters of a hash, in the alphabet esbuild uses for its own. @param {Uint8Array} contents */
export function contentHash(contents) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const digest = createHash('sha256').update(contents).digest();
  return [...digest.subarray(0, 8)].map(byte => alphabet[byte & 31]).join('');
}

/**
 * Add `.br` and `.gz` twins of text files over 1 kB, where they are smaller.
 *
 * What every page load carries is compressed at Brotli's quality 11, the rest at 9: 11 takes
 * three times as long and saves 8 %. A twin whose file has not changed is taken from the
 * previous output.
 *
 * @param {Files} files
 * @param {Set<string>} first names of what is loaded at the start
 * @param {string} previous folder of the previous output, which may not exist
 */
export async function compress(files, first, previous) {
  const work = [...files].filter(
    ([name, contents]) => TEXT.test(name) && contents.length > SMALL && name !== 'plughost.json'
  );
  // The largest first, so that no core waits for one that was begun last.
  work.sort(([, one], [, other]) => other.length - one.length);
  await Promise.all(
    work.map(async ([name, contents]) => {
      const params = {
        [zlib.constants.BROTLI_PARAM_QUALITY]: first.has(name) ? 11 : 9,
        [zlib.constants.BROTLI_PARAM_SIZE_HINT]: contents.length
      };
      const [br, gz] = (await twins(path.join(previous, name), contents)) ?? [
        await brotli(contents, { params }),
        await gzip(contents, { level: 9 })
      ];
      for (const [suffix, twin] of /** @type {const} */ ([
        ['br', br],
        ['gz', gz]
      ])) {
        if (twin.length < contents.length) {
          files.set(`${name}.${suffix}`, twin);
        }
      }
    })
  );
}

/** Both twins of an unchanged file. @param {string} file @param {Uint8Array} contents */
async function twins(file, contents) {
  if (!existsSync(`${file}.br`) || !existsSync(`${file}.gz`) || !existsSync(file)) {
    return undefined;
  }
  return Buffer.compare(await readFile(file), contents) === 0
    ? Promise.all([readFile(`${file}.br`), readFile(`${file}.gz`)])
    : undefined;
}

/**
 * Write all files into a fresh folder beside `output`, then put it in its place. Whatever
 * happens before the last rename, the old output stays whole.
 *
 * @param {Files} files
 * @param {string} output
 */
export async function handOver(files, output) {
  const parent = path.dirname(output);
  const prefix = `.${path.basename(output)}-`;
  await mkdir(parent, { recursive: true });
  await removeLeftovers(parent, prefix);
  const fresh = path.join(parent, `${prefix}new-${process.pid}`);
  const old = path.join(parent, `${prefix}old-${process.pid}`);
  try {
    const folders = new Set([...files.keys()].map(name => path.dirname(path.join(fresh, name))));
    await Promise.all([...folders].map(folder => mkdir(folder, { recursive: true })));
    await Promise.all([...files].map(([name, bytes]) => writeFile(path.join(fresh, name), bytes)));
    await swap(fresh, output, old);
  } finally {
    await Promise.all([fresh, old].map(folder => rm(folder, { recursive: true, force: true })));
  }
}

/** @param {string} fresh @param {string} output @param {string} old */
async function swap(fresh, output, old) {
  for (let attempt = 1; ; attempt++) {
    await rm(old, { recursive: true, force: true });
    const replaced = await rename(output, old).then(
      () => true,
      error => (error.code === 'ENOENT' ? false : Promise.reject(error))
    );
    try {
      return await rename(fresh, output);
    } catch (error) {
      // Another build may have put its output there in between: that one is replaced in turn.
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      const raced = code === 'ENOTEMPTY' || code === 'EEXIST';
      if (!raced || attempt === 5) {
        if (replaced && !raced) {
          await rename(old, output);
        }
        throw error;
      }
    }
  }
}

/** Remove what killed builds left behind. @param {string} parent @param {string} prefix */
async function removeLeftovers(parent, prefix) {
  for (const name of await readdir(parent)) {
    const pid = name.startsWith(prefix)
      ? /^(?:new|old)-(\d+)$/.exec(name.slice(prefix.length))
      : null;
    if (pid && !isRunning(Number(pid[1]))) {
      await rm(path.join(parent, name), { recursive: true, force: true });
    }
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

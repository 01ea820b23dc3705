/** The output as a map of names to bytes, and how it reaches the disk: whole or not at all. */

import { createHash } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { getSystemErrorMap, promisify } from 'node:util';
import zlib from 'node:zlib';
import { BuildError, emit, problem } from './events.mjs';
import { alone, isRunning } from './lock.mjs';
import { slashed } from './paths.mjs';

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

/**
 * Say how large each file is; twins count as sizes of theirs.
 *
 * @param {Files} files
 * @param {(file: string) => string} partOf when it is loaded, see budget.mjs
 */
export function reportSizes(files, partOf) {
  for (const [file, { length: bytes }] of files) {
    if (!/\.(?:br|gz)$/.test(file)) {
      const [brotli, gzip] = ['br', 'gz'].map(each => files.get(`${file}.${each}`)?.length ?? null);
      emit({ event: 'module', file, part: partOf(file), bytes, gzip, brotli });
    }
  }
}

/**
 * Both twins of an unchanged file, where all three are there: another build may take them away.
 *
 * @param {string} file @param {Uint8Array} contents
 */
async function twins(file, contents) {
  const names = [file, `${file}.br`, `${file}.gz`];
  const [there, br, gz] = await Promise.all(names.map(name => readFile(name))).catch(() => []);
  return there && Buffer.compare(there, contents) === 0 ? [br, gz] : undefined;
}

/** What names other files, and so comes last: in a frontend, a labextension, a page's bundle. */
const MANIFESTS = ['plughost.json', 'package.json', 'bundle.json'];

const HASHED = /-[A-Z0-9]{8}\.\w+(?:\.map)?(?:\.br|\.gz)?$/;

/**
 * Make the output folder hold these files and nothing else.
 *
 * What differs is written beside the folder, then moved into it, hashed names first and the
 * manifest last; only then goes what it no longer names. Whenever this ends, the manifest that
 * is there names files that are there.
 *
 * @param {Files} files
 * @param {string} output
 */
export async function handOver(files, output) {
  const prefix = path.join(path.dirname(output), `.${path.basename(output)}-`);
  const draft = `${prefix}new-${process.pid}`;
  const waiting = `${prefix}wait-${process.pid}`;
  try {
    await mkdir(output, { recursive: true });
    await removeLeftovers(prefix);
    await refuseStrangers(output, `${prefix}lock`);
    const staged = await stage(files, await differing(files, output), draft);
    await alone(`${prefix}lock`, waiting, async () => {
      // Another build may have changed what was there a moment ago.
      const unsure = [...files].filter(
        ([name]) => !staged.has(name) && !(HASHED.test(name) && existsSync(path.join(output, name)))
      );
      const late = await stage(files, await differing(new Map(unsure), output), draft);
      await place([...staged, ...late], draft, output);
      await removeOthers(files, output);
    });
  } catch (error) {
    throw unwritable(error, output);
  } finally {
    // What cannot be cleared away must not hide what went wrong; the next build tries again.
    const clear = (/** @type {string} */ each) => rm(each, { recursive: true, force: true });
    await Promise.allSettled([draft, waiting].map(clear));
  }
}

/**
 * Stop where somebody keeps files of their own. A build's always come with a manifest, or, while
 * it moves them and after it was killed at that, with a lock.
 *
 * @param {string} output
 * @param {string} lock
 */
async function refuseStrangers(output, lock) {
  const stranger = (await readdir(output)).find(name => !name.startsWith('.'));
  const ours = [lock, ...MANIFESTS.map(name => path.join(output, name))];
  if (stranger !== undefined && !ours.some(existsSync)) {
    throw new BuildError([
      problem(
        `The output folder "${output}" holds files that no build has written, such as "${stranger}".`,
        { hint: 'A build replaces that folder whole: move them elsewhere, or delete the folder.' }
      )
    ]);
  }
}

/** Names of those that are not in the folder as they are. @param {Files} files @param {string} folder */
async function differing(files, folder) {
  const found = await Promise.all(
    [...files].map(async ([name, contents]) => {
      const there = await readFile(path.join(folder, name)).catch(() => undefined);
      return there && Buffer.compare(there, contents) === 0 ? undefined : name;
    })
  );
  return new Set(found.filter(name => name !== undefined));
}

/** Write some of the files into a folder. @param {Files} files @param {Set<string>} names @param {string} folder */
async function stage(files, names, folder) {
  await makeFolders(names, folder);
  await Promise.all(
    [...names].map(name => writeFile(path.join(folder, name), files.get(name) ?? ''))
  );
  return names;
}

/** @param {string[]} names @param {string} from @param {string} to */
async function place(names, from, to) {
  const rank = (/** @type {string} */ name) =>
    HASHED.test(name) ? -1 : MANIFESTS.indexOf(name) + 1;
  await makeFolders(names, to);
  for (const name of names.sort((one, other) => rank(one) - rank(other))) {
    // At one go: a kill must hit between two of these few calls to leave a mixture.
    renameSync(path.join(from, name), path.join(to, name));
  }
}

/** Remove everything but the files. @param {Files} files @param {string} folder */
async function removeOthers(files, folder) {
  const needed = new Set(files.keys());
  for (const name of files.keys()) {
    for (let above = path.posix.dirname(name); above !== '.'; above = path.posix.dirname(above)) {
      needed.add(above);
    }
  }
  const there = await readdir(folder, { recursive: true });
  const others = there
    .map(name => slashed(name))
    // A folder takes along what is in it.
    .filter(
      name => !needed.has(name) && (needed.has(path.posix.dirname(name)) || !name.includes('/'))
    );
  await Promise.all(
    others.map(name => rm(path.join(folder, name), { recursive: true, force: true }))
  );
}

/** The folders that files need. @param {Iterable<string>} names @param {string} folder */
async function makeFolders(names, folder) {
  const folders = new Set([...names].map(name => path.dirname(path.join(folder, name))));
  await Promise.all([...folders].map(each => mkdir(each, { recursive: true })));
}

/** Remove what killed builds left behind. @param {string} prefix */
async function removeLeftovers(prefix) {
  const parent = path.dirname(prefix);
  for (const name of await readdir(parent)) {
    const pid = name.startsWith(path.basename(prefix))
      ? /-(?:new|wait)-(\d+)$/.exec(name)?.[1]
      : undefined;
    if (pid && !isRunning(Number(pid))) {
      await rm(path.join(parent, name), { recursive: true, force: true });
    }
  }
}

/** What to do about it, by the code of a system error. @type {Record<string, string>} */
const REMEDIES = {
  ENOSPC: 'Free some space',
  EDQUOT: 'Free some space',
  EFBIG: 'Free some space, or raise the limit (`ulimit -f`)',
  EACCES: 'Make it writable',
  EPERM: 'Make it writable',
  EROFS: 'Make it writable'
};

/** @param {unknown} error @param {string} output */
function unwritable(error, output) {
  const { errno, code } = /** @type {NodeJS.ErrnoException} */ (error);
  if (errno === undefined || code === undefined) {
    return error;
  }
  const reason = getSystemErrorMap().get(errno)?.[1] ?? code;
  return new BuildError([
    problem(`The output folder "${output}" cannot be written: ${reason}.`, {
      hint: `${REMEDIES[code] ?? 'Look at what is there'} and build again.`
    })
  ]);
}

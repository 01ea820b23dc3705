/** One build at a time may change an output: a lock that outlives nobody. */

import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BuildError, problem } from './events.mjs';

/** Milliseconds; who holds a lock only moves files that are written already. */
const PATIENCE = 60_000;

/**
 * Run `work` while nobody else holds the lock.
 *
 * The lock is a folder that holds another one, named after its owner's process. It comes into
 * being by one rename, and of a dead owner exactly that inner folder is removed: there is no
 * moment in which two could take it.
 *
 * @template T
 * @param {string} lock path of a folder
 * @param {string} draft path for the folder that becomes it
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(lock, draft, work) {
  const began = performance.now();
  await mkdir(path.join(draft, String(process.pid)), { recursive: true });
  while (!(await isTaken(draft, lock))) {
    const [owner] = await readdir(lock).catch(() => []);
    if (!owner || Number(owner) === process.pid || !isRunning(Number(owner))) {
      await release(lock, owner ?? '');
    }
    if (performance.now() - began > PATIENCE) {
      throw new BuildError([
        problem(`Another build, process ${owner ?? 'unknown'}, does not let go of "${lock}".`, {
          hint: 'If there is none, delete that folder.'
        })
      ]);
    }
    await setTimeout(20);
  }
  try {
    return await work();
  } finally {
    await release(lock, String(process.pid));
  }
}

/** Rename the draft to the lock; a folder that is not empty is never replaced. @param {string} draft @param {string} lock */
async function isTaken(draft, lock) {
  try {
    await rename(draft, lock);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(codeOf(error))) {
      return false;
    }
    throw error;
  }
}

/** Only what is that owner's goes, whoever has the lock by now. @param {string} lock @param {string} owner */
async function release(lock, owner) {
  for (const folder of [path.join(lock, owner), lock]) {
    await rmdir(folder).catch(() => {});
  }
}

/** @param {number} pid */
export function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code ?? '';
}

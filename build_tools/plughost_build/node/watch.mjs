/**
 * Build again after each edit, with everything kept that has not changed.
 *
 * Standard input has one order per line, and ends when nobody wants any more:
 *
 *     {"build": 2, "changed": ["/…/src/panel.tsx"], "covered": ["src/panel.tsx"],
 *      "unchecked": "sha256:…", "checked": "sha256:…"}
 *
 * `changed` are absolute paths; `covered` is that of the request, as it is now. Types are checked after the bundle is written, which so long bears
 * the fingerprint of an unchecked one; an empty `checked` means that they are not. With
 * `"keep": true` the output is fresh, and nothing is done but to be ready for the first edit.
 *
 * Besides what other builds report there are the events `rebuilt` or `broken`, with the number of
 * the order; `checked`, unless the next order came first; and `read`, the files to look at.
 */

import { rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { openBundler } from './bundle.mjs';
import { BuildError, emit, problem, report } from './events.mjs';
import { handOver } from './files.mjs';
import { amended, makeOutput } from './output.mjs';
import { Parts } from './parts.mjs';
import { readSource } from './source.mjs';
import { writeConfigToExtend } from './tsconfig.mjs';
import { checkTypes } from './typecheck.mjs';

/** @typedef {import('./files.mjs').Files} Files */
/** @typedef {Awaited<ReturnType<typeof makeOutput>>} Output */
/** @typedef {{build: number, changed: string[], covered: string[], unchecked: string, checked: string, keep?: boolean}} Order */

/** Milliseconds for what is under way when it ends: half of it would lie about. */
const PATIENCE = 20_000;

/** @param {import('./request.mjs').Request} request */
export async function watch(request) {
  const source = readSource(request.source);
  writeConfigToExtend(request, source);
  const builds = new Builds(request, source, await openBundler(request, source));
  process.stdin.once('end', async () => {
    await builds.end();
    // Who asked for this may have been killed, and cannot clear away any more.
    await rm(path.dirname(process.argv[2]), { recursive: true, force: true });
    process.exit();
  });
  for await (const line of createInterface({ input: process.stdin })) {
    await builds.follow(JSON.parse(line));
  }
}

class Builds {
  /** What was handed over last. @type {Files} */
  #there = new Map();
  /** @type {string[]} */
  #read = [];
  #check = new AbortController();
  #checking = Promise.resolve();
  #writing = Promise.resolve();
  #ended = false;

  /**
   * @param {import('./request.mjs').Request} request
   * @param {import('./source.mjs').Source} source
   * @param {Awaited<ReturnType<typeof openBundler>>} bundler
   */
  constructor(request, source, bundler) {
    this.request = request;
    this.source = source;
    this.bundler = bundler;
    this.parts = new Parts(request, source);
  }

  /** @param {Order} order */
  async follow(order) {
    this.#check.abort();
    try {
      await this.#build(order);
    } catch (error) {
      if (!(error instanceof BuildError)) {
        throw error;
      }
      error.diagnostics.forEach(report);
      emit({ event: 'broken', build: order.build, errors: errorsAmong(error.diagnostics) });
    }
  }

  /** Leave nothing half done behind. */
  async end() {
    this.#ended = true;
    this.#check.abort();
    await Promise.race([Promise.all([this.#checking, this.#writing]), setTimeout(PATIENCE)]);
  }

  /** @param {Order} order */
  async #build({ build, changed, covered, unchecked, checked, keep = false }) {
    this.parts.forget(changed);
    const request = { ...this.request, covered, fingerprint: unchecked };
    const made = await makeOutput(request, this.source, this.bundler, this.parts);
    const written = keep ? this.#keep(made.files) : await this.#write(made.files);
    const { read, module, diagnostics } = made.bundle;
    if (read.join('\n') !== this.#read.join('\n')) {
      this.#read = read;
      emit({ event: 'read', files: read });
    }
    diagnostics.forEach(report);
    emit({ event: 'rebuilt', build, module, written });
    if (checked && !keep) {
      this.#check = new AbortController();
      this.#checking = this.#checkTypes({ build, checked }, made, this.#check.signal);
    }
  }

  /**
   * @param {{build: number, checked: string}} order
   * @param {Output} made
   * @param {AbortSignal} signal
   */
  async #checkTypes({ build, checked }, made, signal) {
    const began = performance.now();
    let found;
    try {
      writeConfigToExtend(this.request, this.source);
      found = await checkTypes(this.source, this.request, signal);
      const types = errorsAmong(found) === 0 && !signal.aborted && (await this.parts.newTypes());
      if (types && !signal.aborted) {
        await this.#write(amended(made, types, checked));
      }
    } catch (error) {
      // The folder may be gone this very moment: no reason to break down.
      found =
        error instanceof BuildError
          ? error.diagnostics
          : [problem(`The type check failed: ${/** @type {Error} */ (error).message}`)];
    }
    if (!signal.aborted) {
      found.forEach(report);
      const ms = Math.round(performance.now() - began);
      emit({ event: 'checked', build, errors: errorsAmong(found), ms });
    }
  }

  /** @param {Files} files @returns {string[]} names of those that differ from what was there */
  #keep(files) {
    const names = [...files].filter(
      ([name, bytes]) => Buffer.compare(this.#there.get(name) ?? EMPTY, bytes) !== 0
    );
    this.#there = files;
    return names.map(([name]) => name);
  }

  /** One after the other. @param {Files} files @returns {Promise<string[]>} */
  async #write(files) {
    const writing = this.#writing.then(() =>
      this.#ended ? undefined : handOver(files, this.request.output)
    );
    this.#writing = writing.catch(() => {});
    await writing;
    return this.#keep(files);
  }
}

const EMPTY = new Uint8Array();

/** @param {import('./events.mjs').Diagnostic[]} diagnostics */
function errorsAmong(diagnostics) {
  return diagnostics.filter(each => each.severity === 'error').length;
}

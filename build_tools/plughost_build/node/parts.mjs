/** What a build puts out besides the bundle; after an edit, only what it may concern is made anew. */

import { realpathSync } from 'node:fs';
import path from 'node:path';
import { thirdPartyLicenses } from './licenses.mjs';
import { findPackage, packageName } from './npm.mjs';
import { collectSchemas } from './schemas.mjs';
import { compileThemes } from './themes.mjs';
import { packTypes } from './types.mjs';

const SCRIPT = /\.[cm]?[jt]sx?$/;

export class Parts {
  /** @type {Awaited<ReturnType<typeof compileThemes>> | undefined} */
  #themes;
  /** @type {import('./files.mjs').Files | undefined} */
  #schemas;
  /** @type {import('./files.mjs').Files | undefined} */
  #types;
  #packing = Promise.resolve(/** @type {import('./files.mjs').Files} */ (new Map()));
  /** @type {{inputs: string[], found: ReturnType<typeof thirdPartyLicenses>} | undefined} */
  #licenses;

  /** @param {import('./request.mjs').Request} request @param {import('./source.mjs').Source} source */
  constructor(request, source) {
    this.request = request;
    this.source = source;
  }

  /** Scripts concern none of it but the licences, which see that by themselves. @param {string[]} changed */
  forget(changed) {
    if (!changed.every(file => SCRIPT.test(file))) {
      this.#themes = this.#schemas = this.#licenses = undefined;
    }
  }

  async themes() {
    this.#themes ??= await compileThemes(this.request, this.source);
    return this.#themes;
  }

  schemas() {
    this.#schemas ??= collectSchemas(this.source);
    return this.#schemas;
  }

  /** Those of before, for a bundle that must not wait for them: see `newTypes`. */
  async types() {
    return this.#types ?? this.#pack();
  }

  /** After an edit: they can only have changed where what is provided is written here. */
  async newTypes() {
    return this.source.provides.some(specifier => isOurs(specifier, this.source))
      ? this.#pack()
      : this.types();
  }

  /** One after the other, since they work at one desk; an edit may come while one is under way. */
  async #pack() {
    this.#packing = this.#packing.catch(() => {}).then(() => packTypes(this.request, this.source));
    this.#types = await this.#packing;
    return this.#types;
  }

  /** @param {string[]} inputs */
  licenses(inputs) {
    if (this.#licenses?.inputs.join('\n') !== inputs.join('\n')) {
      this.#licenses = { inputs, found: thirdPartyLicenses(inputs, this.source.folder) };
    }
    return this.#licenses?.found;
  }
}

/** Whether a package is no installed one. @param {string} specifier @param {import('./source.mjs').Source} source */
function isOurs(specifier, source) {
  const name = packageName(specifier);
  const folder = name === source.name ? source.folder : findPackage(name, source.folder)?.folder;
  return folder !== undefined && !realpathSync(folder).split(path.sep).includes('node_modules');
}

/** The licences of everything a bundle contains. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { packageOf } from './npm.mjs';

const LICENSE_FILE = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i;

/** In the source: texts of packages that are published without one. */
const KEPT = 'licenses';

/**
 * The contents of third-party-licenses.json, in the shape JupyterLab's licence viewer reads.
 *
 * A package without a licence file gets the text that the source keeps for it, in
 * `licenses/<its name>.txt`, `licenses/<its scope>.txt`, or `licenses/<beginning of its name, up
 * to a dash>.txt`.
 *
 * @param {Iterable<string>} inputs files that something of ended up in the bundle, absolute
 * @param {string} own folder of the source, which is not a third party
 */
export function thirdPartyLicenses(inputs, own) {
  /** @type {Map<string, {name: string, versionInfo: string, licenseId: string, extractedText: string}>} */
  const packages = new Map();
  for (const input of inputs) {
    const found = packageOf(input);
    // A shim of the bundler's own is found by its path: it lies outside any node_modules.
    if (!found || found.folder === own || !input.split(path.sep).includes('node_modules')) {
      continue;
    }
    const { name, version } = found.manifest;
    const key = `${name}@${version}`;
    if (!packages.has(key)) {
      packages.set(key, {
        name,
        versionInfo: version,
        licenseId: licenseId(found.manifest),
        extractedText: licenseText(found.folder) || keptText(own, name)
      });
    }
  }
  return { packages: [...packages.keys()].sort().map(key => packages.get(key)) };
}

/** The SPDX expression, also from the older shapes of the field. @param {import('./source.mjs').PackageJson} manifest */
function licenseId(manifest) {
  const { license, licenses } = manifest;
  const all = Array.isArray(licenses) ? licenses : [license ?? licenses];
  const ids = all.map(each => (typeof each === 'object' ? each?.type : each)).filter(Boolean);
  return ids.length > 1 ? `(${ids.join(' OR ')})` : (ids[0] ?? '');
}

/** @param {string} folder */
function licenseText(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isFile() && LICENSE_FILE.test(entry.name))
    .map(entry => entry.name)
    .sort()
    .map(name => readFileSync(path.join(folder, name), 'utf8').trim())
    .join('\n\n');
}

/** @param {string} own @param {string} name */
function keptText(own, name) {
  const names = [name, name.split('/')[0]];
  for (let dash = name.lastIndexOf('-'); dash > 0; dash = name.lastIndexOf('-', dash - 1)) {
    names.push(name.slice(0, dash));
  }
  const file = names.map(each => path.join(own, KEPT, `${each}.txt`)).find(existsSync);
  return file ? readFileSync(file, 'utf8').trim() : '';
}

/** Setting schemas: copied beside the bundle, with the version of the package they come from. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { BuildError, problem } from './events.mjs';
import { findPackage } from './npm.mjs';
import { relative } from './paths.mjs';

/**
 * Collect `schemas/<npm name>/<plugin>.json`, and `package.json.orig` beside them, which is
 * where Jupyter servers read a plugin's version.
 *
 * @param {import('./source.mjs').Source} source
 * @returns {import('./files.mjs').Files}
 * @throws {BuildError} for a folder or package that is missing, and for invalid JSON
 */
export function collectSchemas(source) {
  /** @type {import('./files.mjs').Files} */
  const files = new Map();
  for (const { name, version, folder } of places(source)) {
    const schemas = readdirSync(folder)
      .filter(file => file.endsWith('.json'))
      .sort();
    for (const file of schemas) {
      const bytes = readFileSync(path.join(folder, file));
      try {
        JSON.parse(bytes.toString('utf8'));
      } catch (error) {
        throw new BuildError([
          problem(`The schema is not valid JSON: ${/** @type {Error} */ (error).message}`, {
            file: relative(source.folder, path.join(folder, file))
          })
        ]);
      }
      files.set(`schemas/${name}/${file}`, bytes);
    }
    if (schemas.length > 0) {
      files.set(
        `schemas/${name}/package.json.orig`,
        Buffer.from(`${JSON.stringify({ name, version }, null, 2)}\n`)
      );
    }
  }
  return files;
}

/** @param {import('./source.mjs').Source} source @returns {{name: string, version: string, folder: string}[]} */
function places(source) {
  const { schemas, name, version } = source;
  if (schemas === undefined || typeof schemas === 'string') {
    const folder = path.join(source.folder, schemas ?? 'schema');
    if (schemas !== undefined && !existsSync(folder)) {
      throw missing(
        `The schema folder "${schemas}" does not exist.`,
        'Create it, or take plughost.schemas out.'
      );
    }
    return existsSync(folder) ? [{ name, version, folder }] : [];
  }
  const own = path.join(source.folder, 'schema');
  const wanted = schemas === true ? Object.keys(source.manifest.dependencies ?? {}) : schemas;
  const found = wanted.flatMap(each => {
    const { manifest, folder } = findPackage(each, source.folder) ?? {};
    const below = manifest?.jupyterlab?.schemaDir;
    if (!folder || !below || !existsSync(path.join(folder, below))) {
      if (schemas === true) {
        return [];
      }
      throw missing(
        `There are no setting schemas in "${each}".`,
        folder
          ? 'Its package.json names no jupyterlab.schemaDir.'
          : `Add ${each} to the dependencies.`
      );
    }
    return [{ name: each, version: manifest.version, folder: path.join(folder, below) }];
  });
  return existsSync(own) ? [{ name, version, folder: own }, ...found] : found;
}

/** @param {string} text @param {string} hint */
function missing(text, hint) {
  return new BuildError([problem(text, { file: 'package.json', hint })]);
}

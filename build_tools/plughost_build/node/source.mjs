/** The source: an npm package whose package.json has a `plughost` object. */

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { BuildError, problem } from './events.mjs';
import { nearest } from './words.mjs';

/**
 * @typedef {object} Source
 * @property {string} folder absolute
 * @property {string} name
 * @property {string} version
 * @property {string} entry absolute path of the entry module
 * @property {string[]} pages
 * @property {boolean} app
 * @property {string} engine
 * @property {string[]} provides specifiers, sorted
 * @property {string[]} private shared packages or specifiers it bundles for itself all the same
 * @property {string[]} themes npm packages whose theme is compiled
 * @property {string | string[] | true | undefined} schemas
 * @property {{start?: number, total?: number}} budget in bytes over the wire
 * @property {PackageJson} manifest its package.json
 * @property {string} text of package.json, for messages that point into it
 */

/**
 * @typedef {Record<string, any> & {
 *   name: string, version: string, license?: unknown,
 *   dependencies?: Record<string, string>, peerDependencies?: Record<string, string>,
 *   devDependencies?: Record<string, string>, jupyterlab?: Record<string, any>
 * }} PackageJson
 */

/** @param {unknown} value */
const isText = value => typeof value === 'string' && value !== '';
/** @param {unknown} value */
const isList = value => Array.isArray(value) && value.every(isText);
/** What npm allows as a name; some become folders. @param {unknown} value */
const isName = value =>
  typeof value === 'string' && /^(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/.test(value);
/** @param {unknown} value */
const areNames = value => Array.isArray(value) && value.every(isName);
/** @param {unknown} value */
const isFlag = value => typeof value === 'boolean';

export const BUDGETS = /** @type {const} */ (['start', 'total']);

/** @param {unknown} value */
const isBudget = value =>
  value !== null &&
  typeof value === 'object' &&
  Object.keys(value).length > 0 &&
  Object.entries(value).every(
    ([key, limit]) => BUDGETS.some(each => each === key) && Number.isInteger(limit) && limit > 0
  );

/** Each key of `plughost` with its rule and the words for it. @type {Record<string, [(value: any) => boolean, string]>} */
const KEYS = {
  package: [isText, 'the folder of the Python package, such as "plughost_weather"'],
  output: [isText, 'a folder name, such as "frontend"'],
  entry: [isText, 'a file, such as "src/index.ts"'],
  pages: [isList, 'a list of page names, such as ["lab"]'],
  app: [isFlag, 'true or false'],
  engine: [isText, 'a range of plughost versions, such as ">=0.1"'],
  provides: [isList, 'a list of packages, such as ["react", "react/jsx-runtime"]'],
  private: [isList, 'a list of packages, such as ["marked"]'],
  themes: [areNames, 'a list of npm packages, such as ["@jupyterlab/theme-light-extension"]'],
  budget: [
    isBudget,
    'one or two numbers of bytes over the wire, such as {"start": 150000, "total": 1000000}'
  ],
  schemas: [
    value => isText(value) || areNames(value) || value === true,
    'a folder, a list of npm packages, or true for all dependencies that have a schema folder'
  ]
};

/**
 * Read package.json and check its `plughost` object.
 *
 * @param {string} folder
 * @returns {Source}
 * @throws {BuildError} with one diagnostic for each thing that is wrong
 */
export function readSource(folder) {
  const { manifest, text } = readManifest(folder);
  const given = manifest.plughost;
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw new BuildError([
      problem('package.json has no "plughost" object.', {
        file: 'package.json',
        hint: 'Add "plughost": {"package": "<the Python package>"}; see docs/reference/frontends.md.'
      })
    ]);
  }
  const wrong = [...checkKeys(given, text), ...checkIdentity(manifest, text)];
  const entry = path.resolve(folder, given.entry ?? 'src/index.ts');
  if (wrong.length === 0 && !existsSync(entry)) {
    wrong.push(
      problem(`The entry module "${given.entry ?? 'src/index.ts'}" does not exist.`, {
        ...placeOf(text, 'plughost', 'entry'),
        hint: 'Create it, or name the right file in plughost.entry.'
      })
    );
  }
  if (wrong.length > 0) {
    throw new BuildError(wrong);
  }
  return {
    folder,
    name: manifest.name,
    version: manifest.version,
    entry,
    pages: given.pages ?? ['lab'],
    app: given.app ?? false,
    engine: given.engine ?? '',
    provides: [...new Set(/** @type {string[]} */ (given.provides ?? []))].sort(),
    private: given.private ?? [],
    themes: given.themes ?? [],
    schemas: given.schemas,
    budget: given.budget ?? {},
    manifest,
    text
  };
}

/** @param {string} folder @returns {{manifest: PackageJson, text: string}} */
function readManifest(folder) {
  const file = path.join(folder, 'package.json');
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new BuildError([
      problem(`There is no package.json in "${path.basename(folder)}".`, {
        hint: 'Run this in the folder of an extension with a browser half, or make one: npm init.'
      })
    ]);
  }
  try {
    return { manifest: JSON.parse(text), text };
  } catch (error) {
    throw new BuildError([
      problem(`package.json is not valid JSON: ${/** @type {Error} */ (error).message}`, {
        file: 'package.json'
      })
    ]);
  }
}

/** @param {Record<string, unknown>} given @param {string} text */
function checkKeys(given, text) {
  const wrong = [];
  for (const [key, value] of Object.entries(given)) {
    if (!(key in KEYS)) {
      const meant = nearest(key, Object.keys(KEYS));
      wrong.push(
        problem(`package.json has an unknown key "plughost.${key}".`, {
          ...placeOf(text, 'plughost', key),
          hint: meant ? `Did you mean "${meant}"?` : `Known keys: ${Object.keys(KEYS).join(', ')}.`
        })
      );
    } else if (!KEYS[key][0](value)) {
      wrong.push(
        problem(`"plughost.${key}" is ${JSON.stringify(value)}, which is not usable.`, {
          ...placeOf(text, 'plughost', key),
          hint: `It is ${KEYS[key][1]}.`
        })
      );
    }
  }
  if (!('package' in given)) {
    wrong.push(
      problem('"plughost.package" is missing.', {
        ...placeOf(text, 'plughost'),
        hint: `It is ${KEYS.package[1]}; the bundle is written into it.`
      })
    );
  }
  return wrong;
}

/** @param {PackageJson} manifest @param {string} text */
function checkIdentity(manifest, text) {
  const { name } = manifest;
  if (isText(name) && !isName(name)) {
    return [
      problem(`package.json has the name ${JSON.stringify(name)}, which npm does not allow.`, {
        ...placeOf(text, 'name'),
        hint: 'Take letters, digits, ".", "_" and "-", perhaps after a scope such as "@me/".'
      })
    ];
  }
  return ['name', 'version']
    .filter(key => !isText(manifest[key]))
    .map(key =>
      problem(`package.json has no "${key}".`, {
        ...placeOf(text, key),
        hint: `Add "${key}": the manifest carries it.`
      })
    );
}

/**
 * Where a key stands in package.json.
 *
 * @param {string} text
 * @param {string[]} keys the one that is meant, after those that it lies below
 */
export function placeOf(text, ...keys) {
  let index = 0;
  let length = 0;
  for (const key of keys) {
    const found = new RegExp(`${escaped(JSON.stringify(key))}\\s*:`).exec(text.slice(index));
    if (!found) {
      return { file: 'package.json' };
    }
    index += found.index;
    length = JSON.stringify(key).length;
  }
  const before = text.slice(0, index).split('\n');
  const column = before[before.length - 1].length + 1;
  const lineText = text.split('\n')[before.length - 1];
  return { file: 'package.json', line: before.length, column, lineText, length };
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

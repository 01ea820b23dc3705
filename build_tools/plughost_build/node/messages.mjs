/** What esbuild says, as diagnostics, each with a next step. */

import { existsSync, readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { BuildError, problem, warning } from './events.mjs';
import { packageName } from './npm.mjs';
import { nearest } from './words.mjs';

/** @typedef {import('esbuild').Message} Message */
/** @typedef {import('./source.mjs').Source} Source */
/** @typedef {import('./shared.mjs').SharedModules} SharedModules */

/** @param {unknown} error what a run of esbuild threw @param {Source} source @param {SharedModules} shared */
export function translated(error, source, shared) {
  const { errors, warnings } = /** @type {import('esbuild').BuildFailure} */ (error);
  if (!errors) {
    return error;
  }
  return new BuildError([
    ...errors.map(message => ({
      ...fromEsbuild(message, 'error'),
      ...advice(message, source, shared)
    })),
    ...warnings.map(message => fromEsbuild(message, 'warning'))
  ]);
}

/**
 * @param {Message} message
 * @param {'error' | 'warning'} severity
 * @returns {import('./events.mjs').Diagnostic}
 */
export function fromEsbuild(message, severity) {
  const make = severity === 'error' ? problem : warning;
  const { location } = message;
  const notes = message.notes.map(note => note.text).join(' ');
  const meant = location?.suggestion;
  return make(message.text, {
    ...(location && placeOf(location)),
    ...(meant || notes ? { hint: meant ? `Did you mean ${quoted(meant)}?` : notes } : {})
  });
}

/** esbuild counts bytes, everybody else characters. @param {import('esbuild').Location} location */
function placeOf({ file, line, column, lineText, length }) {
  const bytes = Buffer.from(lineText);
  const before = bytes.subarray(0, column).toString();
  const meant = bytes.subarray(column, column + length).toString();
  return { file, line, column: before.length + 1, lineText, length: meant.length };
}

/** @param {string} text */
function quoted(text) {
  return /^["'`]/.test(text) ? text : `"${text}"`;
}

/** What a message about one of our virtual modules must not carry. */
const PLACELESS = { line: undefined, column: undefined, lineText: undefined, length: undefined };

/** What goes wrong most, in better words. @param {Message} message @param {Source} source @param {SharedModules} shared */
function advice(message, source, shared) {
  if (message.text.startsWith('No loader is configured for')) {
    return {
      hint: 'Scripts can import scripts, style sheets, .json, text (.md, .txt, .svg, .raw.css), fonts and pictures; fetch what is something else.'
    };
  }
  const missing = /^Could not resolve "([^"]+)"/.exec(message.text)?.[1];
  if (!missing) {
    return {};
  }
  const importer = message.location?.file ?? '';
  if (importer.startsWith('plughost-provide:')) {
    return {
      ...problem(`"${missing}" is in plughost.provides and cannot be found.`, {
        file: 'package.json'
      }),
      ...PLACELESS,
      hint: `Add ${packageName(missing)} to the dependencies, and the next build installs it.`
    };
  }
  if (/^[./]/.test(missing) || isUrl(message.location)) {
    return { hint: fileAdvice(missing, path.resolve(source.folder, path.dirname(importer))) };
  }
  if (isBuiltin(missing)) {
    return {
      hint: `"${missing}" is a part of Node, which the page has not: use a package made for browsers.`
    };
  }
  const part = shared.hintFor(missing);
  if (part) {
    return { hint: part };
  }
  const name = packageName(missing.replace(/^~/, ''));
  const { dependencies, devDependencies, peerDependencies } = source.manifest;
  const declared = { ...dependencies, ...devDependencies, ...peerDependencies };
  if (name in (peerDependencies ?? {})) {
    return {
      hint: `${name} is a peer that the page does not bring, and builds install no peers: move it to "dependencies".`
    };
  }
  if (name in declared) {
    return {
      hint: `${name} is in package.json and has no such module here: check the name, or delete node_modules and build again.`
    };
  }
  const meant = nearest(name, [...Object.keys(declared), ...shared.packages]);
  const add = `Add "${name}" to "dependencies" in package.json, and the next build installs it.`;
  return { hint: meant ? `Did you mean "${meant}"? If not: ${add}` : `Check the name. ${add}` };
}

/** In a style sheet's `url()` a path needs no dot to be relative. @param {import('esbuild').Location | null} location */
function isUrl(location) {
  const code = location?.lineText.slice(0, location.column) ?? '';
  return location?.file.endsWith('.css') === true && !/@import\s*$/.test(code);
}

/** @param {string} missing a path @param {string} from folder of who asks for it */
function fileAdvice(missing, from) {
  const folder = path.resolve(from, path.dirname(missing));
  if (!existsSync(folder)) {
    return `There is no folder "${path.dirname(missing)}" there.`;
  }
  const asked = path.basename(missing);
  // Scripts are asked for without what they end with.
  const shorten = (/** @type {string} */ name) =>
    path.extname(asked) ? name : name.replace(/\.[cm]?[jt]sx?$/, '');
  const meant = nearest(asked, readdirSync(folder).map(shorten));
  const start = missing.slice(0, missing.length - asked.length);
  return meant && meant !== asked
    ? `Did you mean "${start}${meant}"?`
    : 'Check the name: there is no such file.';
}

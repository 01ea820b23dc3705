/** The type check: TypeScript's own compiler, strict, side by side with the bundle. */

import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { runCompiler } from './compiler.mjs';
import { problem } from './events.mjs';
import { authorsConfig, extendsOurs, writeConfig } from './tsconfig.mjs';

/** @typedef {import('./events.mjs').Diagnostic} Diagnostic */

const PLACED = /^(.+?)\((\d+),(\d+)\): (error|warning) (TS\d+): (.*)$/;
const UNPLACED = /^(error|warning) (TS\d+): (.*)$/;

/**
 * Check the types of a source; an empty list means they are right.
 *
 * @param {import('./source.mjs').Source} source
 * @param {import('./request.mjs').Request} request
 * @param {AbortSignal} [signal] gives it up
 * @returns {Promise<Diagnostic[]>}
 */
export async function checkTypes(source, request, signal) {
  if (!authorsConfig(source) && !/\.[cm]?tsx?$/.test(source.entry)) {
    return [];
  }
  // Beside the request: whoever wrote that removes it all, even after a kill.
  const scratch = mkdtempSync(path.join(path.dirname(process.argv[2]), 'check-'));
  try {
    // Without any files it is left to the compiler to say what is wrong with the author's own.
    const config = extendsOurs(source)
      ? 'tsconfig.json'
      : ((await writeConfig(scratch, request, source)) ?? 'tsconfig.json');
    const args = ['--noEmit', '--strict', '-p', config];
    const { code, output } = await runCompiler(source.folder, args, signal);
    const found = parse(output, source.folder);
    return code === 0 || found.length > 0
      ? found.filter(each => !isOfThePage(each, source, request))
      : [problem(`The type check failed: ${output.trim() || `exit code ${code}`}`)];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Whether a fault lies in what the page brings, which this author cannot correct; only with
 * `"skipLibCheck": false` does the compiler look there.
 *
 * @param {Diagnostic} diagnostic
 * @param {import('./source.mjs').Source} source
 * @param {import('./request.mjs').Request} request
 */
function isOfThePage({ file = '' }, source, request) {
  const place = path.resolve(source.folder, file);
  return request.types.some(folder => place.startsWith(folder + path.sep));
}

/** @param {string} output @param {string} folder @returns {Diagnostic[]} */
function parse(output, folder) {
  /** @type {Diagnostic[]} */
  const diagnostics = [];
  for (const line of output.split(/\r?\n/)) {
    const placed = PLACED.exec(line);
    const unplaced = UNPLACED.exec(line);
    if (placed) {
      const [, file, row, column, , id, text] = placed;
      const lineText = lineOf(path.resolve(folder, file), Number(row));
      diagnostics.push(
        problem(`${text} (${id})`, {
          file: file.replaceAll('\\', '/'),
          line: Number(row),
          column: Number(column),
          ...(lineText !== undefined && {
            lineText,
            length: wordLength(lineText, Number(column) - 1)
          })
        })
      );
    } else if (unplaced) {
      diagnostics.push(problem(`${unplaced[3]} (${unplaced[2]})`, { file: 'tsconfig.json' }));
    } else if (/^\s+\S/.test(line) && diagnostics.length > 0) {
      // Continuation lines say in more detail what does not fit.
      diagnostics[diagnostics.length - 1].text += `\n${line.trimEnd()}`;
    }
  }
  return diagnostics;
}

/** @param {string} file @param {number} row */
function lineOf(file, row) {
  return existsSync(file) ? readFileSync(file, 'utf8').split(/\r?\n/)[row - 1] : undefined;
}

/** @param {string} line @param {number} start */
function wordLength(line, start) {
  return /^[\w$]+/.exec(line.slice(start))?.[0].length ?? 1;
}

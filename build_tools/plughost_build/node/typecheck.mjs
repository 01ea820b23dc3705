/** The type check: TypeScript's own compiler, strict, side by side with the bundle. */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { problem } from './events.mjs';

/** @typedef {import('./events.mjs').Diagnostic} Diagnostic */

const PLACED = /^(.+?)\((\d+),(\d+)\): (error|warning) (TS\d+): (.*)$/;
const UNPLACED = /^(error|warning) (TS\d+): (.*)$/;

/**
 * Check the types of a source; an empty list means they are right.
 *
 * @param {import('./source.mjs').Source} source
 * @param {import('./request.mjs').Request} _request
 * @returns {Promise<Diagnostic[]>}
 */
export async function checkTypes(source, _request) {
  if (!existsSync(path.join(source.folder, 'tsconfig.json'))) {
    return /\.[cm]?tsx?$/.test(source.entry)
      ? [
          problem('There is no tsconfig.json, so the types cannot be checked.', {
            hint: 'Create one, such as {"compilerOptions": {"module": "esnext", "moduleResolution": "bundler", "target": "es2022", "jsx": "react-jsx", "strict": true, "skipLibCheck": true}, "include": ["src"]}.'
          })
        ]
      : [];
  }
  const { code, output } = await runCompiler(source.folder);
  const diagnostics = parse(output, source.folder);
  return code === 0 || diagnostics.length > 0
    ? diagnostics
    : [problem(`The type check failed: ${output.trim() || `exit code ${code}`}`)];
}

/** @param {string} folder @returns {Promise<{code: number | null, output: string}>} */
function runCompiler(folder) {
  const compiler = path.join(
    path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
    'bin/tsc'
  );
  const args = [compiler, '--noEmit', '--strict', '--pretty', 'false', '-p', 'tsconfig.json'];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    /** @type {Buffer[]} */
    const chunks = [];
    child.stdout.on('data', chunk => chunks.push(chunk));
    child.stderr.on('data', chunk => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', code => resolve({ code, output: Buffer.concat(chunks).toString('utf8') }));
  });
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

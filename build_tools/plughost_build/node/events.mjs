/** What the bundler says while it works: one JSON object per line on standard output. */

/**
 * @typedef {object} Diagnostic
 * @property {'error' | 'warning'} severity
 * @property {string} text what is wrong, in a sentence
 * @property {string} [file] relative to the source folder
 * @property {number} [line] counted from 1
 * @property {number} [column] counted from 1
 * @property {string} [lineText] the line itself, for a code frame
 * @property {number} [length] how much of the line is meant
 * @property {string} [hint] what to do next
 */

/** The build cannot go on; carries one diagnostic for each thing that is wrong. */
export class BuildError extends Error {
  /** @param {Diagnostic[]} diagnostics */
  constructor(diagnostics) {
    super(diagnostics.map(each => each.text).join('\n'));
    this.diagnostics = diagnostics;
  }
}

/** The request itself is unusable: the caller is wrong, not the source. */
export class BadRequest extends Error {}

/**
 * An error with a place and a next step.
 *
 * @param {string} text
 * @param {Partial<Diagnostic>} [more]
 * @returns {Diagnostic}
 */
export function problem(text, more = {}) {
  return { severity: 'error', text, ...more };
}

/**
 * Something the build can live with.
 *
 * @param {string} text
 * @param {Partial<Diagnostic>} [more]
 * @returns {Diagnostic}
 */
export function warning(text, more = {}) {
  return { severity: 'warning', text, ...more };
}

/** @param {Record<string, unknown>} event */
export function emit(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

/** @param {Diagnostic} diagnostic */
export function report(diagnostic) {
  emit({ event: 'diagnostic', ...diagnostic });
}

/**
 * Run one named part of the build between its `start` and `done` events.
 *
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(name, work) {
  const begun = performance.now();
  emit({ event: 'step', name, state: 'start' });
  try {
    return await work();
  } finally {
    emit({ event: 'step', name, state: 'done', ms: Math.round(performance.now() - begun) });
  }
}

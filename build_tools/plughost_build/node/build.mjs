/**
 * The Node half of `plughost build`: one frontend from its source folder to its output folder.
 *
 *     node build.mjs <request.json>
 *
 * Events go to standard output, one JSON object per line. Exit code 0: written; 1: the source
 * has errors, reported as diagnostics, and the old output is untouched; 2: the request is wrong;
 * 3: the bundler broke, and standard error says how.
 */

import { checkBudget, partOf } from './budget.mjs';
import { BadRequest, BuildError, emit, report, step } from './events.mjs';
import { compress, handOver, reportSizes } from './files.mjs';
import { readRequest } from './request.mjs';
import { readSource } from './source.mjs';
import { writeConfigToExtend } from './tsconfig.mjs';
import { checkTypes } from './typecheck.mjs';

// What bundles is imported where it is needed: it loads while the compiler runs already.
try {
  const request = await readRequest(process.argv[2]);
  if (request.watch) {
    const { watch } = await import('./watch.mjs');
    await watch(request);
  } else {
    await build(request);
  }
} catch (error) {
  process.exitCode = error instanceof BadRequest ? 2 : 1;
  if (error instanceof BuildError) {
    error.diagnostics.forEach(report);
  } else if (error instanceof BadRequest) {
    report({ severity: 'error', text: error.message });
  } else {
    // Not an error of the source, so no diagnostic.
    console.error(/** @type {Error} */ (error).stack);
    process.exitCode = 3;
  }
}

/** @param {import('./request.mjs').Request} request */
async function build(request) {
  const source = readSource(request.source);
  writeConfigToExtend(request, source);
  const [types, made] = await Promise.allSettled([
    request.check ? step('check', () => checkTypes(source, request)) : [],
    step('bundle', () => bundleOnce(request, source))
  ]);
  const wrong = withoutEchoes(
    made.status === 'rejected' ? diagnosticsOf(made.reason) : [],
    types.status === 'rejected' ? diagnosticsOf(types.reason) : types.value
  );
  if (made.status === 'rejected' || wrong.some(each => each.severity === 'error')) {
    throw new BuildError(wrong);
  }
  const { bundle, files, manifest } = made.value;
  bundle.diagnostics.forEach(report);

  if (request.mode === 'production') {
    const first = new Set([bundle.module, ...bundle.styles, ...bundle.preload]);
    await step('compress', () => compress(files, first, request.output));
    emit({ event: 'sizes', ...checkBudget(source, bundle, files), budget: source.budget });
  }
  const labextension = request.labextension
    ? await step('labextension', () => labextensionOf(request, source))
    : undefined;
  await step('write', async () => {
    await handOver(files, request.output);
    if (labextension) {
      await handOver(labextension, request.labextension);
    }
  });
  reportSizes(files, file => partOf(file, bundle));
  emit({ event: 'done', manifest });
}

/** @param {import('./request.mjs').Request} request @param {import('./source.mjs').Source} source */
async function bundleOnce(request, source) {
  const { openBundler } = await import('./bundle.mjs');
  const { makeOutput } = await import('./output.mjs');
  const bundler = await openBundler(request, source);
  try {
    return await makeOutput(request, source, bundler);
  } finally {
    await bundler.dispose();
  }
}

/** @param {import('./request.mjs').Request} request @param {import('./source.mjs').Source} source */
async function labextensionOf(request, source) {
  const { buildLabextension } = await import('./labextension.mjs');
  return buildLabextension(request, source);
}

/**
 * What the bundler found, and what the type check did at other places: about the same one, such
 * as an import that leads nowhere, the bundler gives the better advice.
 *
 * @param {import('./events.mjs').Diagnostic[]} bundling
 * @param {import('./events.mjs').Diagnostic[]} checking
 */
function withoutEchoes(bundling, checking) {
  const place = (/** @type {import('./events.mjs').Diagnostic} */ { file, line, column }) =>
    line === undefined ? Symbol() : `${file}:${line}:${column}`;
  const known = new Set(bundling.map(place));
  return [...bundling, ...checking.filter(each => !known.has(place(each)))];
}

/** @param {unknown} error @returns {import('./events.mjs').Diagnostic[]} */
function diagnosticsOf(error) {
  if (error instanceof BuildError) {
    return error.diagnostics;
  }
  throw error;
}

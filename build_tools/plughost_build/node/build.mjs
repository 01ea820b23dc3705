/**
 * The Node half of `plughost build`: one frontend from its source folder to its output folder.
 *
 *     node build.mjs <request.json>
 *
 * Events go to standard output, one JSON object per line. Exit code 0: written; 1: the source
 * has errors, reported as diagnostics, and the old output is untouched; 2: the request is wrong.
 */

import { openBundler } from './bundle.mjs';
import { BadRequest, BuildError, emit, report, step } from './events.mjs';
import { compress, handOver } from './files.mjs';
import { thirdPartyLicenses } from './licenses.mjs';
import { readRequest } from './request.mjs';
import { collectSchemas } from './schemas.mjs';
import { readSource } from './source.mjs';
import { compileThemes } from './themes.mjs';
import { checkTypes } from './typecheck.mjs';

try {
  await build(await readRequest(process.argv[2]));
} catch (error) {
  process.exitCode = error instanceof BadRequest ? 2 : 1;
  if (error instanceof BuildError) {
    error.diagnostics.forEach(report);
  } else if (error instanceof BadRequest) {
    report({ severity: 'error', text: error.message });
  } else {
    const { message, stack } = /** @type {Error} */ (error);
    report({ severity: 'error', text: `The bundler failed: ${message}`, hint: stack });
  }
}

/** @param {import('./request.mjs').Request} request */
async function build(request) {
  const source = readSource(request.source);
  const [types, made] = await Promise.allSettled([
    request.check ? step('check', () => checkTypes(source)) : [],
    step('bundle', () => bundleOnce(request, source))
  ]);
  const wrong = [
    ...(made.status === 'rejected' ? diagnosticsOf(made.reason) : []),
    ...(types.status === 'rejected' ? diagnosticsOf(types.reason) : types.value)
  ];
  if (made.status === 'rejected' || wrong.some(each => each.severity === 'error')) {
    throw new BuildError(wrong);
  }
  const { bundle, files, inputs } = made.value;
  bundle.diagnostics.forEach(report);

  const manifest = manifestOf(request, source, bundle);
  files.set('third-party-licenses.json', json(thirdPartyLicenses(inputs, source.folder)));
  files.set('plughost.json', json(manifest));
  if (request.mode === 'production') {
    const first = new Set([bundle.module, ...bundle.styles, ...bundle.preload]);
    await step('compress', () => compress(files, first, request.output));
  }
  await step('write', () => handOver(files, request.output));
  for (const [file, contents] of files) {
    if (!/\.(?:br|gz)$/.test(file)) {
      const [brotli, gzip] = ['br', 'gz'].map(suffix => files.get(`${file}.${suffix}`)?.length);
      emit({
        event: 'module',
        file,
        bytes: contents.length,
        gzip: gzip ?? null,
        brotli: brotli ?? null
      });
    }
  }
  emit({ event: 'done', manifest });
}

/** @param {import('./request.mjs').Request} request @param {import('./source.mjs').Source} source */
async function bundleOnce(request, source) {
  const bundler = await openBundler(request, source);
  try {
    const bundle = await bundler.build();
    const themes = await compileThemes(request, source);
    return {
      bundle,
      files: new Map([...bundle.files, ...themes.files, ...collectSchemas(source)]),
      inputs: [...bundle.inputs, ...themes.inputs]
    };
  } finally {
    await bundler.dispose();
  }
}

/**
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @param {import('./bundle.mjs').Bundle} bundle
 */
function manifestOf(request, source, bundle) {
  return {
    format: 1,
    name: source.name,
    version: source.version,
    engine: source.engine,
    app: source.app,
    pages: source.pages,
    module: bundle.module,
    styles: bundle.styles,
    preload: bundle.preload,
    provides: bundle.provides,
    requires: bundle.requires,
    fingerprint: request.fingerprint
  };
}

/** @param {unknown} error @returns {import('./events.mjs').Diagnostic[]} */
function diagnosticsOf(error) {
  if (error instanceof BuildError) {
    return error.diagnostics;
  }
  throw error;
}

/** @param {unknown} value */
function json(value) {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

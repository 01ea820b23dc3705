/** What a build puts into the output folder, apart from compressed twins: bundle and manifest. */

import { thirdPartyLicenses } from './licenses.mjs';
import { collectSchemas } from './schemas.mjs';
import { compileThemes } from './themes.mjs';
import { packTypes } from './types.mjs';

/**
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @param {{build(): Promise<import('./bundle.mjs').Bundle>}} bundler
 */
export async function makeOutput(request, source, bundler) {
  const [bundle, themes, types] = await Promise.all([
    bundler.build(),
    compileThemes(request, source),
    packTypes(request, source)
  ]);
  const manifest = manifestOf(request, source, bundle, [...types.keys()][0]);
  const inputs = [...bundle.inputs, ...themes.inputs];
  /** @type {import('./files.mjs').Files} */
  const files = new Map([
    ...bundle.files,
    ...themes.files,
    ...collectSchemas(source),
    ...types,
    ['third-party-licenses.json', json(thirdPartyLicenses(inputs, source.folder))],
    ['plughost.json', json(manifest)]
  ]);
  return { bundle, files, manifest, inputs };
}

/**
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @param {import('./bundle.mjs').Bundle} bundle
 * @param {string | undefined} types name of the type pack
 */
function manifestOf(request, source, bundle, types) {
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
    ...(types && { types }),
    fingerprint: request.fingerprint
  };
}

/** @param {unknown} value */
function json(value) {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

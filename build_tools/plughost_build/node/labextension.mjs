/** The same source as a labextension: what stock JupyterLab loads from share/jupyter/labextensions. */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { openBundler } from './bundle.mjs';
import { BuildError, problem } from './events.mjs';
import { contentHash } from './files.mjs';
import { thirdPartyLicenses } from './licenses.mjs';
import { packageName } from './npm.mjs';
import { jsonFile } from './output.mjs';
import { collectSchemas } from './schemas.mjs';
import { ScopeModules } from './scope.mjs';
import { compileThemes } from './themes.mjs';

/** @typedef {import('./bundle.mjs').Bundle} Bundle */

/** What others read about an extension, and an extension manager shows. */
const ABOUT = [
  'name',
  'version',
  'description',
  'keywords',
  'homepage',
  'bugs',
  'license',
  'author',
  'contributors',
  'repository'
];

/**
 * The folder's files. The bundle is made once more: it takes shared modules from elsewhere.
 *
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @returns {Promise<import('./files.mjs').Files>}
 * @throws {BuildError}
 */
export async function buildLabextension(request, source) {
  const loaded = source.pages.includes('lab');
  if (source.app || (!loaded && source.provides.length === 0)) {
    throw new BuildError([
      problem(`"${source.name}" cannot be a labextension.`, {
        file: 'package.json',
        hint: source.app
          ? 'It makes the application of a page, and JupyterLab has its own: build it without --jupyterlab.'
          : 'It is loaded by other pages than "lab" and provides nothing: build it without --jupyterlab.'
      })
    ]);
  }
  const scope = new ScopeModules(source, request.shared);
  const [bundle, themes] = await Promise.all([
    bundleFor(request, source, scope),
    compileThemes(request, source)
  ]);
  const entry = await remoteEntry(request, {
    name: source.name,
    needs: scope.needs(bundle.requires),
    offers: bundle.provides,
    ...(loaded && { module: bundle.module }),
    preload: bundle.preload,
    styles: bundle.styles
  });
  const load = `static/remoteEntry.${contentHash(entry)}.js`;
  const schemas = collectSchemas(source);
  const licenses = thirdPartyLicenses([...bundle.inputs, ...themes.inputs], source.folder);

  /** @type {import('./files.mjs').Files} */
  const files = new Map([...themes.files, ...schemas]);
  for (const [name, contents] of bundle.files) {
    const code = name.endsWith('.js') && Buffer.from(contents).toString('utf8');
    files.set(`static/${name}`, code ? Buffer.from(await scope.withoutImports(code)) : contents);
  }
  files.set(load, entry);
  files.set('static/third-party-licenses.json', jsonFile(licenses));
  return files.set(
    'package.json',
    jsonFile(
      packageJson(source, bundle, schemas.size > 0, {
        load,
        ...(loaded && { extension: './extension' }),
        ...(bundle.styles.length > 0 && { style: './style' }),
        fingerprint: request.fingerprint
      })
    )
  );
}

/** @param {import('./request.mjs').Request} request @param {import('./source.mjs').Source} source @param {ScopeModules} scope */
async function bundleFor(request, source, scope) {
  const bundler = await openBundler(request, source, scope);
  try {
    return await bundler.build();
  } finally {
    await bundler.dispose();
  }
}

/** The script that JupyterLab loads. @param {import('./request.mjs').Request} request @param {import('./container.mjs').Contents} contents */
async function remoteEntry(request, contents) {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const built = await esbuild.build({
    stdin: {
      contents: `import { createContainer } from './container.mjs';
        const containers = (globalThis._JUPYTERLAB ??= {});
        const contents = ${JSON.stringify(contents)};
        containers[contents.name] = createContainer(contents, document.currentScript.src);`,
      resolveDir: here
    },
    absWorkingDir: here,
    bundle: true,
    format: 'iife',
    target: 'es2022',
    minify: request.mode === 'production',
    write: false,
    logLevel: 'silent'
  });
  return built.outputFiles[0].contents;
}

/**
 * @param {import('./source.mjs').Source} source
 * @param {Bundle} bundle
 * @param {boolean} hasSchemas
 * @param {Record<string, string>} build where to find what, for JupyterLab; `fingerprint` is ours
 */
function packageJson(source, bundle, hasSchemas, build) {
  const { manifest } = source;
  const about = ABOUT.filter(key => key in manifest).map(key => [key, manifest[key]]);
  const requires = Object.entries(bundle.requires).map(([each, range]) => [
    packageName(each),
    range
  ]);
  // From its ranges `jupyter labextension list` sees whether the extension fits.
  const dependencies = { ...manifest.dependencies, ...Object.fromEntries(requires) };
  const { outputDir: _, schemaDir: __, ...own } = manifest.jupyterlab ?? {};
  return {
    ...Object.fromEntries(about),
    dependencies: Object.fromEntries(Object.entries(dependencies).sort()),
    jupyterlab: {
      ...own,
      extension: 'extension' in build,
      ...(hasSchemas && { schemaDir: 'schemas' }),
      _build: build
    }
  };
}

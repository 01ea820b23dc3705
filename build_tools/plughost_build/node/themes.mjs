/** Themes: style sheets of their own, which the theme manager loads at run time. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import * as esbuild from 'esbuild';
import { assets } from './assets.mjs';
import { baseOptions } from './bundle.mjs';
import { BuildError, problem } from './events.mjs';
import { fromEsbuild } from './messages.mjs';
import { findPackage } from './npm.mjs';
import { relative } from './paths.mjs';

/**
 * Compile each theme to `themes/<npm name>/index.css`, with fonts and images beside it.
 *
 * A package says where its theme lies in `jupyterlab.themePath`, as JupyterLab's own do; else
 * it is `style/theme.css`. The name of the frontend itself stands for its own folder.
 *
 * @param {import('./request.mjs').Request} request
 * @param {import('./source.mjs').Source} source
 * @returns {Promise<{files: import('./files.mjs').Files, inputs: string[]}>}
 */
export async function compileThemes(request, source) {
  const compiled = await Promise.all(source.themes.map(name => compile(name, request, source)));
  return {
    files: new Map(compiled.flatMap(each => [...each.files])),
    inputs: compiled.flatMap(each => each.inputs)
  };
}

/** @param {string} name @param {import('./request.mjs').Request} request @param {import('./source.mjs').Source} source */
async function compile(name, request, source) {
  const found = name === source.name ? source : findPackage(name, source.folder);
  const sheet =
    found && path.join(found.folder, found.manifest.jupyterlab?.themePath ?? 'style/theme.css');
  if (!sheet || !existsSync(sheet)) {
    throw new BuildError([
      problem(`There is no theme in "${name}".`, {
        file: 'package.json',
        hint: found
          ? `Expected ${path.relative(found.folder, sheet ?? '')} in it; another place is named by its jupyterlab.themePath.`
          : `Add ${name} to the dependencies, or take it out of plughost.themes.`
      })
    ]);
  }
  let result;
  try {
    result = await esbuild.build({
      ...baseOptions(request, source, [assets]),
      entryPoints: { index: sheet },
      entryNames: '[name]',
      inject: [],
      splitting: false,
      sourcemap: false,
      outdir: path.join(source.folder, 'themes', name)
    });
  } catch (error) {
    const failure = /** @type {esbuild.BuildFailure} */ (error);
    throw failure.errors
      ? new BuildError(failure.errors.map(each => fromEsbuild(each, 'error')))
      : error;
  }
  return {
    files: (result.outputFiles ?? []).map(
      file =>
        /** @type {[string, Uint8Array]} */ ([relative(source.folder, file.path), file.contents])
    ),
    inputs: Object.keys(result.metafile?.inputs ?? {})
      .filter(input => !input.includes(':'))
      .map(input => path.resolve(source.folder, input))
  };
}

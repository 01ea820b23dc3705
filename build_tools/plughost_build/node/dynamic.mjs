/**
 * `import()` of a CommonJS module. With splitting, esbuild gives its chunk a default export, the
 * exports object, and nothing else, so `const { a } = await import('cjs')` finds no `a`. The names
 * are not known before the module runs; so the importer is given a namespace made then.
 */

/** `default` is what an `import` statement would have got. */
const NAMESPACE = '.then(({default:e})=>({...e,default:e&&e.__esModule?e.default:e}))';

/**
 * Amend the importers' text.
 *
 * @param {import('esbuild').Metafile} metafile
 * @param {Map<string, Uint8Array>} files by output path as in the metafile; changed in place
 */
export function nameDynamicCommonJS({ inputs, outputs }, files) {
  const isCommonJS = (/** @type {string} */ output) =>
    inputs[outputs[output]?.entryPoint ?? '']?.format === 'cjs';
  for (const [importer, { imports }] of Object.entries(outputs)) {
    const targets = imports.filter(
      each => each.kind === 'dynamic-import' && !each.external && isCommonJS(each.path)
    );
    const contents = files.get(importer);
    if (targets.length === 0 || !contents) {
      continue;
    }
    let text = Buffer.from(contents).toString();
    for (const { path } of targets) {
      const call = `import("./${path.slice(path.lastIndexOf('/') + 1)}")`;
      text = text.replaceAll(call, call + NAMESPACE);
    }
    files.set(importer, Buffer.from(text));
  }
}

/**
 * Fold what is loaded at the start into one file: few requests matter as much as few bytes.
 *
 * esbuild splits by who reaches what, so every `import()` in the graph cuts the start-up code
 * into more pieces (22 for the lab), and it has no way to join them. Here the entry's output and
 * the chunks that it imports statically are bundled once more, by esbuild, into one module,
 * which also exports what the lazy chunks took from the pieces; their imports are rewritten.
 */

import { init, parse } from 'es-module-lexer';
import * as esbuild from 'esbuild';
import { contentHash } from './files.mjs';

/** @typedef {import('./files.mjs').Files} Files */

/**
 * @typedef {object} Folded
 * @property {Files} files
 * @property {(name: string) => string} renamed name before → name after; parts are the whole
 */

/**
 * @param {Files} files output of esbuild, minified and without source maps
 * @param {string} entry
 * @param {string[]} chunks what the entry imports statically
 * @param {string[]} exported the names that the entry exports
 * @param {import('esbuild').BuildOptions} options
 * @returns {Promise<Folded>}
 */
export async function fold(files, entry, chunks, exported, options) {
  await init();
  const parts = new Set([entry, ...chunks]);
  const others = [...files.keys()].filter(name => name.endsWith('.js') && !parts.has(name));
  const lazy = new Map(others.map(name => [name, scan(text(files, name))]));

  const aliases = nameExports([...lazy.values()].flat(), parts, exported);
  const whole = await bundleParts(files, parts, entryText(entry, exported, aliases), options);

  // The lazy files carry the whole's name and it carries theirs. Its hash is taken with their
  // names before renaming, which stand for their contents; theirs are then derived from both.
  const hash = contentHash(Buffer.from(JSON.stringify([whole, [...aliases]])));
  const names = new Map(
    others.map(name => [name, rehashed(name, contentHash(Buffer.from(name + hash)))])
  );
  for (const part of parts) {
    names.set(part, rehashed(entry, hash));
  }
  const renamed = (/** @type {string} */ name) => names.get(name) ?? name;

  /** @type {Files} */
  const result = new Map();
  for (const [name, contents] of files) {
    const imports = lazy.get(name);
    if (imports) {
      const code = rewrite(text(files, name), imports, renamed, aliases, parts);
      result.set(renamed(name), Buffer.from(code));
    } else if (!parts.has(name)) {
      result.set(name, contents);
    }
  }
  const code = rewrite(whole, scan(whole), renamed, aliases, parts);
  result.set(renamed(entry), Buffer.from(code));
  return { files: result, renamed };
}

/**
 * One import in the output of esbuild.
 *
 * @typedef {object} Import
 * @property {string} target name of the imported file
 * @property {string[][]} taken pairs of exported and local name, of a static import
 * @property {boolean} dynamic
 * @property {number} start of what is rewritten: the statement, or the specifier of an `import()`
 * @property {number} end
 */

/** The imports of other files of the bundle. @param {string} code @returns {Import[]} */
function scan(code) {
  const found = [];
  for (const each of parse(code)[0]) {
    if (!('specifier' in each) || !each.specifier?.startsWith('./')) {
      continue;
    }
    const target = each.specifier.slice(2);
    if (each.type === 'dynamic') {
      found.push({ target, taken: [], dynamic: true, start: each.start, end: each.end });
      continue;
    }
    const statement = code.slice(each.importStart, each.importEnd);
    const clause = /^import\s*(?:\{([^}]*)\}\s*from\s*)?["']/.exec(statement);
    if (!clause) {
      throw new Error(`This import in the output of esbuild cannot be folded: ${statement}`);
    }
    const taken = (clause[1] ?? '')
      .split(',')
      .map(pair => pair.trim().split(/\s+as\s+/))
      .filter(([name]) => name !== '')
      .map(([name, local]) => [name, local ?? name]);
    found.push({ target, taken, dynamic: false, start: each.importStart, end: each.importEnd });
  }
  return found.sort((one, other) => one.start - other.start);
}

/**
 * One export of the whole for each name that lazy files take from a part.
 *
 * @param {Import[]} imports
 * @param {Set<string>} parts
 * @param {string[]} exported names that are taken
 * @returns {Map<string, string>} part and name → alias
 */
function nameExports(imports, parts, exported) {
  const wanted = new Set(
    imports
      .filter(each => parts.has(each.target))
      .flatMap(each => each.taken.map(([name]) => key(each.target, name)))
  );
  const taken = new Set(exported);
  const aliases = new Map();
  let number = 0;
  for (const each of [...wanted].sort()) {
    let alias;
    do {
      alias = `$${(number++).toString(36)}`;
    } while (taken.has(alias));
    aliases.set(each, alias);
  }
  return aliases;
}

/** @param {string} entry @param {string[]} exported @param {Map<string, string>} aliases */
function entryText(entry, exported, aliases) {
  // The entry comes first, so that everything runs in the order it had.
  const lines = [
    `export { ${exported.map(quoted).join(', ')} } from ${JSON.stringify(`./${entry}`)};`
  ];
  for (const [each, alias] of aliases) {
    const [part, name] = each.split('\n');
    lines.push(`export { ${name} as ${alias} } from ${JSON.stringify(`./${part}`)};`);
  }
  return lines.join('\n');
}

/** @param {Files} files @param {Set<string>} parts @param {string} start @param {import('esbuild').BuildOptions} options */
async function bundleParts(files, parts, start, options) {
  const built = await esbuild.build({
    ...options,
    stdin: { contents: start, resolveDir: options.absWorkingDir },
    splitting: false,
    inject: [],
    plugins: [
      {
        name: 'plughost-fold',
        setup(build) {
          build.onResolve({ filter: /.*/ }, args => {
            const name = args.path.replace(/^\.\//, '');
            return parts.has(name)
              ? { path: name, namespace: 'plughost-fold' }
              : { path: args.path, external: true };
          });
          build.onLoad({ filter: /.*/, namespace: 'plughost-fold' }, args => ({
            contents: text(files, args.path),
            loader: 'js'
          }));
        }
      }
    ]
  });
  return built.outputFiles?.[0].text ?? '';
}

/**
 * @param {string} code
 * @param {Import[]} imports in the order of the code
 * @param {(name: string) => string} renamed
 * @param {Map<string, string>} aliases
 * @param {Set<string>} parts
 */
function rewrite(code, imports, renamed, aliases, parts) {
  let result = '';
  let done = 0;
  for (const { target, taken, dynamic, start, end } of imports) {
    if (dynamic && parts.has(target)) {
      throw new Error(`"${target}" is both loaded at the start and imported dynamically.`);
    }
    const specifier = JSON.stringify(`./${renamed(target)}`);
    const clause = taken
      .map(([name, local]) => `${aliases.get(key(target, name)) ?? name} as ${local}`)
      .join(',');
    result += code.slice(done, start);
    result += dynamic ? specifier : `import${clause && `{${clause}}from`}${specifier}`;
    done = end;
  }
  return result + code.slice(done);
}

/** @param {string} part @param {string} name */
function key(part, name) {
  return `${part}\n${name}`;
}

/** @param {string} name */
function quoted(name) {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? name : JSON.stringify(name);
}

/** The same name with another hash. @param {string} name @param {string} hash */
function rehashed(name, hash) {
  return name.replace(/-[A-Z0-9]{8}\.js$/, `-${hash}.js`);
}

/** @param {Files} files @param {string} name */
function text(files, name) {
  return Buffer.from(files.get(name) ?? '').toString('utf8');
}

/**
 * One bundle for a page: what it loads at the start, joined into one script and one style sheet.
 *
 *     node join.mjs <request.json>
 *
 * The files that frontends were built to are joined, not their sources: nothing is built again,
 * and what is loaded later stays where it is. Those that the page cannot do without (the host,
 * the app, what shared modules lie in) are part of the whole; each other frontend is a function
 * in it, run when the host asks for it, so that one that throws ends nobody but itself.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { init, parse } from 'es-module-lexer';
import * as esbuild from 'esbuild';
import { BuildError, emit, report, step, warning } from './events.mjs';
import { compress, contentHash, handOver, reportSizes } from './files.mjs';
import { jsonFile } from './output.mjs';
import { slashed } from './paths.mjs';

/**
 * @typedef {object} Part one of the page's frontends
 * @property {string} extension under which it is served
 * @property {string} folder absolute
 * @property {string} module
 * @property {string[]} styles
 * @property {string[]} preload
 * @property {'app' | 'host' | 'guest'} role guests are what the page can do without
 */

/**
 * @typedef {object} Request
 * @property {string} output absolute path of the folder to write
 * @property {string} key of what is joined, for the server that reads the result
 * @property {string} tools fingerprint of the toolchain
 * @property {Part[]} frontends in the order in which the page loads them
 * @property {Record<string, string>} shared specifier → "<extension>/<file>", of host and app
 */

/** @typedef {Map<string, string>} Folders extension → folder */

/** Where other frontends lie, as seen from the bundle. */
const ELSEWHERE = '../../frontends';

/** A frontend with more than this many bytes to load later stays apart: joined, they come first. */
const LATER = 300_000;

const OPTIONS = /** @type {const} */ ({
  bundle: true,
  write: false,
  metafile: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'none', // each frontend carries its third-party-licenses.json
  logLevel: 'silent'
});

try {
  await init();
  await join(JSON.parse(await readFile(process.argv[2], 'utf8')));
} catch (error) {
  process.exitCode = 1;
  if (error instanceof BuildError) {
    error.diagnostics.forEach(report);
  } else {
    console.error(/** @type {Error} */ (error).stack);
    process.exitCode = 3;
  }
}

/** @param {Request} request */
async function join(request) {
  const folders = new Map(request.frontends.map(each => [each.extension, each.folder]));
  const [guests, styles] = await step('bundle', () =>
    Promise.all([joinGuests(request, folders), joinStyles(request, folders)])
  );
  const needed = request.frontends.filter(each => each.role !== 'guest');
  const script = await joinNeeded(needed, guests, folders);
  const files = new Map([
    [`index-${contentHash(script.contents)}.js`, script.contents],
    [`index-${contentHash(styles.contents)}.css`, styles.contents]
  ]);
  const names = [...files.keys()];
  const bundle = {
    format: 1,
    key: request.key,
    tools: request.tools,
    module: names[0],
    styles: names[1],
    extensions: guests.extensions,
    files: [...script.files, ...styles.files]
  };
  await step('compress', () => compress(files, new Set(names), request.output));
  files.set('bundle.json', jsonFile(bundle));
  await step('write', () => handOver(files, request.output));
  reportSizes(files, file => (names.includes(file) ? 'start' : 'aside'));
  emit({ event: 'joined', ...bundle });
}

// -- frontends that the page can do without

/**
 * @typedef {object} Guests
 * @property {string} text a module that exports `modules`
 * @property {string[]} extensions those in it
 */

/** @param {Request} request @param {Folders} folders @returns {Promise<Guests>} */
async function joinGuests(request, folders) {
  const candidates = request.frontends.filter(each => each.role === 'guest');
  const light = candidates.filter(each => {
    const later = bytesLater(each);
    if (later > LATER) {
      stays(each, `${Math.round(later / 1000)} kB of it are loaded only when they are needed`);
    }
    return later <= LATER;
  });
  const text = await guestsText(light, request.shared, folders).catch(() => undefined);
  if (text !== undefined) {
    return { text, extensions: light.map(each => each.extension) };
  }
  // One of them cannot be joined: each is tried alone, and those that can are joined.
  const sound = [];
  for (const each of light) {
    try {
      await guestsText([each], request.shared, folders);
      sound.push(each);
    } catch (error) {
      const [first] = /** @type {esbuild.BuildFailure} */ (error).errors ?? [];
      stays(each, (first?.text ?? /** @type {Error} */ (error).message).replace(/\.$/, ''));
    }
  }
  return {
    text: await guestsText(sound, request.shared, folders),
    extensions: sound.map(each => each.extension)
  };
}

/** Say that a frontend stays in files of its own. @param {Part} part @param {string} why */
function stays({ extension }, why) {
  report(warning(`"${extension}" stays apart: ${why}.`));
}

/** @param {Part} part */
function bytesLater({ folder, module, preload }) {
  const first = new Set([module, ...preload]);
  return filesOf(folder)
    .filter(file => file.endsWith('.js') && !first.has(file))
    .reduce((sum, file) => sum + readFileSync(path.join(folder, file)).length, 0);
}

/**
 * `modules`: for each frontend a function that runs it and promises its exports.
 *
 * Without splitting, esbuild keeps what is imported dynamically in functions of their own.
 *
 * @param {Part[]} parts
 * @param {Record<string, string>} shared
 * @param {Folders} folders
 */
async function guestsText(parts, shared, folders) {
  const lines = parts.map(
    ({ extension, module }) =>
      `${JSON.stringify(extension)}: () => import(${JSON.stringify(`part:${extension}/${module}`)})`
  );
  const built = await esbuild.build({
    ...OPTIONS,
    stdin: { contents: `export const modules = { ${lines.join(',\n')} };` },
    plugins: [
      partsPlugin(
        folders,
        (file, { path: wanted, importer }) =>
          wanted.startsWith('.') ? !isFacade(importer) : isFacade(file),
        shared
      )
    ]
  });
  return built.outputFiles[0].text;
}

// -- what the page cannot do without

/**
 * The whole: what is needed, as it is, and the guests' functions.
 *
 * Who imports one of the joined files by its address is sent here by the page's import map, so
 * everything it exports is exported here, under the same name.
 *
 * @param {Part[]} needed
 * @param {Guests} guests
 * @param {Folders} folders
 */
async function joinNeeded(needed, guests, folders) {
  const files = joinable(needed, guests.text, folders);
  const lines = files.map(file => `export * from ${JSON.stringify(`part:${file}`)};`);
  const app = needed.find(each => each.role === 'app');
  if (app) {
    lines.push(`export { default } from ${JSON.stringify(`part:${app.extension}/${app.module}`)};`);
  }
  const built = await esbuild.build({
    ...OPTIONS,
    stdin: { contents: [...lines, 'export { modules } from "guests";'].join('\n') },
    plugins: [
      {
        name: 'plughost-guests',
        setup(build) {
          build.onResolve({ filter: /^guests$/ }, () => ({ path: 'guests', namespace: 'guests' }));
          build.onResolve({ filter: /.*/, namespace: 'guests' }, args => {
            const file = args.path.slice(`${ELSEWHERE}/`.length);
            return files.includes(file) ? inside(file) : { path: args.path, external: true };
          });
          build.onLoad({ filter: /.*/, namespace: 'guests' }, () => ({ contents: guests.text }));
        }
      },
      partsPlugin(folders, (file, { kind }) => kind !== 'dynamic-import' && files.includes(file))
    ]
  });
  return { contents: built.outputFiles[0].contents, files };
}

/**
 * The files that are loaded at the start in any case, and whose exports do not clash.
 *
 * @param {Part[]} needed
 * @param {string} guests
 * @param {Folders} folders
 */
function joinable(needed, guests, folders) {
  const wanted = new Set([
    ...needed.flatMap(({ extension, module, preload }) =>
      [module, ...preload].map(file => `${extension}/${file}`)
    ),
    ...importsOf(guests).map(each => each.slice(`${ELSEWHERE}/`.length))
  ]);
  const taken = new Set(['modules']);
  const files = new Set();
  for (const file of wanted) {
    const text = readFileSync(onDisk(file, folders), 'utf8');
    const names = exportsOf(text).filter(name => name !== 'default');
    if (names.every(name => !taken.has(name))) {
      for (const name of names) {
        taken.add(name);
      }
      files.add(file);
      for (const next of importsOf(text)) {
        wanted.add(path.posix.join(path.posix.dirname(file), next));
      }
    }
  }
  return [...files];
}

// -- style sheets

/** @param {Request} request @param {Folders} folders */
async function joinStyles({ frontends }, folders) {
  const files = frontends.flatMap(({ extension, styles }) =>
    styles.map(style => `${extension}/${style}`)
  );
  const built = await esbuild.build({
    ...OPTIONS,
    stdin: {
      contents: files.map(file => `@import ${JSON.stringify(`part:${file}`)};`).join('\n'),
      loader: 'css'
    },
    plugins: [partsPlugin(folders, (_file, { kind }) => kind === 'import-rule')]
  });
  return { contents: built.outputFiles[0].contents, files };
}

// -- files of frontends, as esbuild sees them

/**
 * Finds `part:<extension>/<file>` and what is imported from there.
 *
 * @param {Folders} folders
 * @param {(file: string, args: esbuild.OnResolveArgs) => boolean} isInside whether a file becomes
 *   a part of the bundle; others are imported from where they lie
 * @param {Record<string, string>} [shared] what bare imports mean; without it they stay bare
 * @returns {esbuild.Plugin}
 */
function partsPlugin(folders, isInside, shared) {
  return {
    name: 'plughost-parts',
    setup(build) {
      build.onResolve({ filter: /^part:/ }, args => inside(args.path.slice('part:'.length)));
      build.onResolve({ filter: /.*/, namespace: 'part' }, args => {
        const isBare = args.kind !== 'url-token' && !args.path.startsWith('.');
        if (/^(?:[a-z]+:|\/|#)/i.test(args.path) || (isBare && !shared)) {
          return { path: args.path, external: true };
        }
        const file = isBare
          ? shared?.[args.path]
          : path.posix.join(path.posix.dirname(args.importer), args.path);
        if (file === undefined) {
          return {
            errors: [
              { text: `it imports "${args.path}", which neither the host nor the app provides` }
            ]
          };
        }
        return isInside(file, args) ? inside(file) : outside(file);
      });
      build.onLoad({ filter: /.*/, namespace: 'part' }, args => {
        const text = readFileSync(onDisk(args.path, folders), 'utf8');
        return args.path.endsWith('.css')
          ? { contents: text, loader: 'css' }
          : { contents: withAddress(text, args.path), loader: 'js' };
      });
    }
  };
}

/** @param {string} file @returns {esbuild.OnResolveResult} */
function inside(file) {
  return { path: file, namespace: 'part' };
}

/** @param {string} file @returns {esbuild.OnResolveResult} */
function outside(file) {
  return { path: `${ELSEWHERE}/${file}`, external: true };
}

/** A facade only hands on what another file has, so a second one does no harm. @param {string} file */
function isFacade(file) {
  return file.split('/')[1] === 'shared';
}

/** @param {string} file @param {Folders} folders */
function onDisk(file, folders) {
  const [extension, ...rest] = file.split('/');
  return path.join(/** @type {string} */ (folders.get(extension)), ...rest);
}

/** `import.meta.url` stays what it was: files beside it are found by it. @param {string} text @param {string} file */
function withAddress(text, file) {
  const places = parse(text)[0].filter(each => each.type === 'import-meta');
  if (places.length === 0) {
    return text;
  }
  let result = '';
  let done = 0;
  for (const { start, end } of places) {
    result += `${text.slice(done, start)}({url:plughostAddress})`;
    done = end;
  }
  const address = JSON.stringify(`${ELSEWHERE}/${file}`);
  return `const plughostAddress = new URL(${address}, import.meta.url).href;\n${result}${text.slice(done)}`;
}

/** Names that a module exports by themselves. @param {string} text */
function exportsOf(text) {
  return parse(text)[1].flatMap(each => (each.type === 'reexport-all' ? [] : [each.name]));
}

/** Relative addresses that a module imports statically. @param {string} text */
function importsOf(text) {
  return parse(text)[0].flatMap(each =>
    each.type === 'static' && each.specifier.startsWith('.') ? [each.specifier] : []
  );
}

/** Names below a folder, with forward slashes. @param {string} folder @returns {string[]} */
function filesOf(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(file => slashed(file));
}

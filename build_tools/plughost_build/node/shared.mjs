/** esbuild plugin: imports of shared modules stay bare, and `require` of one becomes an import. */

import semver from 'semver';
import { problem, warning } from './events.mjs';
import { isBare, packageName, packageOf, rangeFor } from './npm.mjs';
import { placeOf } from './source.mjs';

/** @typedef {import('./events.mjs').Diagnostic} Diagnostic */

const SCRIPT = /\.[cm]?[jt]sx?$/;
const SCRIPT_KINDS = new Set([
  'import-statement',
  'dynamic-import',
  'require-call',
  'require-resolve'
]);

const IMPORTS = new Set(['import-statement', 'dynamic-import']);

/** Marks our own `build.resolve` calls, which must not end up here again. */
const PASS = Symbol('plughost:shared');

/**
 * What a frontend takes from the page instead of bundling it.
 *
 * A shared module must exist once in the page, so a private copy of one, or of a part of one,
 * is an error: two copies of a token or of React's hooks fail far from their cause. Who wants a
 * copy all the same names the package, or the one file of it, in `plughost.private`.
 */
export class SharedModules {
  /**
   * @param {import('./source.mjs').Source} source
   * @param {Record<string, import('./request.mjs').SharedModule>} offered by the page
   */
  constructor(source, offered) {
    this.source = source;
    this.private = new Set(source.private);
    this.own = new Set(source.provides);
    this.offered = offered;
    this.packages = new Set(Object.keys(offered).map(packageName));
    /** @type {Map<string, Map<string, string | undefined>>} specifier → importing package → range */
    this.wanted = new Map();
    /** @type {Map<string, string>} private part of a shared package → who imports it */
    this.parts = new Map();
  }

  /** Specifiers that the page provides and this frontend provides too. @returns {Diagnostic[]} */
  conflicts() {
    return this.source.provides
      .filter(specifier => specifier in this.offered)
      .map(specifier =>
        problem(
          `"${specifier}" is provided by ${this.#provider(specifier)} and by "${this.source.name}".`,
          {
            file: 'package.json',
            hint: 'A shared module exists once: take it out of plughost.provides of one of them.'
          }
        )
      );
  }

  /** @returns {import('esbuild').Plugin} */
  plugin() {
    return {
      name: 'plughost-shared',
      setup: build => {
        build.onStart(() => {
          this.wanted.clear();
          this.parts.clear();
        });
        this.answer(build);
        build.onResolve({ filter: anyOf(this.packages) }, async args => {
          const ours = args.pluginData === PASS || args.namespace !== 'file';
          if (ours || !SCRIPT_KINDS.has(args.kind) || !isBare(args.path)) {
            return undefined;
          }
          const specifier = await this.#specifier(build, args);
          if (specifier === undefined) {
            return undefined;
          }
          this.#note(specifier, args.importer);
          return this.resolved(specifier, args.kind);
        });
      }
    };
  }

  /**
   * What an import of a shared module becomes.
   *
   * @param {string} specifier
   * @param {import('esbuild').ImportKind} kind
   * @returns {import('esbuild').OnResolveResult}
   */
  resolved(specifier, kind) {
    return IMPORTS.has(kind)
      ? { path: specifier, external: true }
      : { path: specifier, namespace: 'plughost-require' };
  }

  /** Provide the modules that `resolved` names. @param {import('esbuild').PluginBuild} build */
  answer(build) {
    build.onResolve({ filter: /.*/, namespace: 'plughost-require' }, args => ({
      path: args.path,
      external: true
    }));
    build.onLoad({ filter: /.*/, namespace: 'plughost-require' }, args => ({
      contents: requireByImport(args.path),
      loader: 'js'
    }));
  }

  /**
   * The shared modules that are left in an output; `url()`s and addresses are external too.
   *
   * @param {import('esbuild').Metafile['outputs'][string]} output
   */
  usedBy({ imports }) {
    return imports.filter(each => each.external && IMPORTS.has(each.kind)).map(each => each.path);
  }

  /**
   * The ranges to write into the manifest, and what is wrong with them.
   *
   * @param {Iterable<string>} used specifiers that are left in the output
   * @returns {{requires: Record<string, string>, diagnostics: Diagnostic[]}}
   */
  settle(used) {
    /** @type {Record<string, string>} */
    const requires = {};
    const seen = new Set();
    const diagnostics = [...this.parts].map(([part, importer]) =>
      this.#privatePart(part, importer)
    );
    for (const specifier of [...used].sort()) {
      const name = packageName(specifier);
      const { version } = this.offered[specifier];
      const own = rangeFor(this.source.manifest, name);
      const importers = new Map(this.wanted.get(specifier));
      // What the source imports and does not declare, it was compiled against all the same.
      const undeclared = importers.delete(this.source.name) ? `^${version}` : undefined;
      const others = [...importers].filter(([, range]) => range).sort();
      diagnostics.push(...this.#rivals(specifier, own ?? undeclared, others));
      requires[specifier] = own ?? undeclared ?? others[0]?.[1] ?? `^${version}`;
      const isFirst = !seen.has(name);
      seen.add(name);
      if (isFirst && own && !fits(version, own)) {
        diagnostics.push(
          problem(
            `"${this.source.name}" wants ${name} ${own}, and the page has ${version} (from ${this.#provider(specifier)}).`,
            {
              ...placeOf(this.source.text, name),
              hint: 'Widen the range if it works with that version, or get a plughost that has another.'
            }
          )
        );
      }
      if (isFirst && !own && undeclared) {
        diagnostics.push(
          warning(`${name} is imported, and package.json does not name it.`, {
            file: 'package.json',
            hint: `Add "${name}": "${undeclared}" to "peerDependencies"; until then nothing older than what this page has will do.`
          })
        );
      }
      for (const [importer, range] of own ? [] : others) {
        if (range && !fits(version, range)) {
          diagnostics.push(
            warning(`"${importer}" wants ${name} ${range}, and the page has ${version}.`, {
              file: 'package.json',
              hint: `Look for a newer ${importer}; if it works all the same, say so with a range for ${name} in your own dependencies.`
            })
          );
        }
      }
    }
    return { requires, diagnostics };
  }

  /**
   * That several others provide what is used: which one the page takes would be chance.
   *
   * @param {string} specifier
   * @param {string | undefined} own range
   * @param {[string, string | undefined][]} others importing packages with their ranges
   */
  #rivals(specifier, own, others) {
    const { version, from, also } = this.offered[specifier];
    if (!also?.length) {
      return [];
    }
    const name = packageName(specifier);
    const users = [...(own ? [[this.source.name, own]] : []), ...others];
    const wants = users.map(([user, range]) => `"${user}" wants ${name} ${range}`).join(', ');
    return [
      problem(
        `"${specifier}" is provided by "${from}" (${version}) and by ${also
          .map(each => `"${each.from}" (${each.version})`)
          .join(' and by ')}${wants && `; ${wants}`}.`,
        {
          file: 'package.json',
          hint: 'A shared module exists once: uninstall one of them, or take it out of plughost.provides of one.'
        }
      )
    ];
  }

  /**
   * The shared specifier that an import means, if it means one.
   *
   * @param {import('esbuild').PluginBuild} build
   * @param {import('esbuild').OnResolveArgs} args
   */
  async #specifier(build, args) {
    const { path: wanted } = args;
    const name = packageName(wanted);
    if (!this.packages.has(name) || this.private.has(name) || this.private.has(wanted)) {
      return undefined;
    }
    if (this.own.has(wanted)) {
      return undefined;
    }
    if (wanted in this.offered) {
      return wanted;
    }
    const [part, whole] = await Promise.all(
      [wanted, name].map(each =>
        build.resolve(each, {
          kind: args.kind,
          importer: args.importer,
          resolveDir: args.resolveDir,
          pluginData: PASS
        })
      )
    );
    if (part.errors.length > 0 || !SCRIPT.test(part.path)) {
      return undefined;
    }
    if (name in this.offered && part.path === whole.path) {
      return name; // "react/index.js" is "react"
    }
    this.parts.set(wanted, args.importer);
    return undefined;
  }

  /** @param {string} specifier @param {string} importer */
  #note(specifier, importer) {
    const from = packageOf(importer);
    if (from) {
      const importers = this.wanted.get(specifier) ?? new Map();
      importers.set(from.manifest.name, rangeFor(from.manifest, packageName(specifier)));
      this.wanted.set(specifier, importers);
    }
  }

  /** @param {string} part @param {string} importer */
  #privatePart(part, importer) {
    const name = packageName(part);
    const from = packageOf(importer)?.manifest.name ?? this.source.name;
    return problem(
      `"${from}" imports "${part}", and the page shares only ${this.#sharedOf(name)}: it would get a copy of its own.`,
      {
        hint: `Import the name from "${name}" instead; if a copy does no harm: "plughost": {"private": ["${part}"]}.`
      }
    );
  }

  /**
   * What to do about a part of a shared package that cannot be found: often the package is not
   * installed, since the page has it.
   *
   * @param {string} missing
   */
  hintFor(missing) {
    const name = packageName(missing);
    return this.packages.has(name)
      ? `The page shares only ${this.#sharedOf(name)}: import from there. For a copy of its own, run "npm install ${name}" and add "plughost": {"private": ["${missing}"]}.`
      : undefined;
  }

  /** @param {string} name */
  #sharedOf(name) {
    const shared = Object.keys(this.offered).filter(each => packageName(each) === name);
    return shared.map(each => `"${each}"`).join(', ');
  }

  /** @param {string} specifier */
  #provider(specifier) {
    const { from } = this.offered[specifier];
    return from ? `"${from}"` : 'another frontend';
  }
}

/**
 * Specifiers of these packages. The bundler matches them by itself and asks a plugin only then,
 * which is what takes time in a large bundle.
 *
 * @param {Set<string>} packages
 */
function anyOf(packages) {
  const names = [...packages].map(name => name.replace(/[^\w@/-]/g, '\\$&'));
  return names.length > 0 ? new RegExp(`^(?:${names.join('|')})(?:/|$)`) : /$^/;
}

/** @param {string} version @param {string} range */
function fits(version, range) {
  // A range such as "workspace:*" or a URL says nothing that could be compared.
  return (
    semver.validRange(range) === null ||
    semver.satisfies(version, range, { includePrerelease: true })
  );
}

/**
 * What `require(specifier)` receives: the CommonJS exports object where the facade has one, else
 * what a compiler's interop expects of an ES module, with live bindings.
 *
 * @param {string} specifier
 */
function requireByImport(specifier) {
  return `import * as namespace from ${JSON.stringify(specifier)};
if ("module.exports" in namespace) {
  module.exports = namespace["module.exports"];
} else {
  Object.defineProperty(exports, "__esModule", { value: true });
  for (const name of Object.keys(namespace)) {
    if (name !== "__esModule") {
      Object.defineProperty(exports, name, { enumerable: true, get: () => namespace[name] });
    }
  }
}
`;
}

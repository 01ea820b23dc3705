/**
 * What stock JupyterLab loads of a labextension first, and asks for the rest: a container, as
 * Module Federation calls it. Runs in the page; labextension.mjs puts it into `remoteEntry.*.js`.
 *
 * The page calls `init` of all containers with one share scope, package → version → entry, in
 * which each looks for what it needs and to which it adds what it offers; then `get`, for a
 * function that returns a module.
 */

/**
 * @typedef {object} Entry what lies in a share scope
 * @property {() => (() => any) | Promise<() => any>} get
 * @property {unknown} [loaded]
 * @property {string} [from]
 *
 * @typedef {Record<string, Record<string, Entry>>} Scope
 */

/**
 * @typedef {object} Contents of a labextension; files are relative to the script
 * @property {string} name
 * @property {Record<string, import('./scope.mjs').Need>} needs
 * @property {Record<string, {version: string, file: string}>} offers
 * @property {string} [module]
 * @property {string[]} preload what the module imports statically
 * @property {string[]} styles
 */

/**
 * @param {Contents} contents
 * @param {string} base address of the script
 */
export function createContainer(contents, base) {
  const { name, needs, offers, module, preload, styles } = contents;
  /** @type {Scope | undefined} */
  let scope;
  /** @type {Promise<unknown> | undefined} */
  let filled;
  /** What the bundle reads, by specifier. @type {Record<string, any>} */
  const shared = {};

  const at = (/** @type {string} */ file) => new URL(file, base).href;

  /** @param {string} specifier */
  async function take(specifier) {
    const versions = scope?.[specifier] ?? {};
    const version = choose(Object.keys(versions), needs[specifier], versions);
    if (version === undefined) {
      throw new Error(missing([specifier]));
    }
    if (!fits(version, needs[specifier].within)) {
      const { range } = needs[specifier];
      console.warn(`${name} wants ${specifier} ${range}, and the page has ${version}.`);
    }
    const entry = versions[version];
    entry.loaded ||= 1;
    return (await entry.get())();
  }

  /** @param {string[]} specifiers */
  function missing(specifiers) {
    return `${name} needs what this page does not share: ${specifiers.join(', ')}. Another extension may bring it, or another version of JupyterLab.`;
  }

  /** Fetch what the bundle reads as soon as it runs. */
  async function fill() {
    const wanted = Object.keys(needs).filter(each => !needs[each].later);
    const nowhere = wanted.filter(each => !scope?.[each]);
    if (nowhere.length > 0) {
      throw new Error(missing(nowhere));
    }
    await Promise.all(
      wanted.map(async each => {
        shared[each] = await take(each);
      })
    );
  }

  /** @param {string} file */
  async function run(file) {
    filled ??= fill();
    await filled;
    return exportsOf(await import(at(file)));
  }

  return {
    shared,

    /** An `import()` of a shared module. @param {string} specifier */
    async load(specifier) {
      const found = await take(specifier);
      return found?.__esModule ? found : { ...found, default: found };
    },

    /** @param {Scope} given */
    init(given) {
      if (scope !== undefined && scope !== given) {
        throw new Error(`${name} was given a second share scope.`);
      }
      scope = given;
      for (const [specifier, { version, file }] of Object.entries(offers)) {
        scope[specifier] ??= {};
        scope[specifier][version] ??= entryFor(name, version, async () => {
          const found = await run(file);
          return () => found;
        });
      }
      // While other containers arrive, the bundle comes, too; it runs when it is asked for.
      for (const file of module ? [module, ...preload] : []) {
        addLink('modulepreload', at(file));
      }
    },

    /** @param {string} wanted */
    async get(wanted) {
      if (wanted === './extension' && module) {
        const found = await run(module);
        return () => found;
      }
      if (wanted === './style' && styles.length > 0) {
        await Promise.all(styles.map(file => addStyle(name, at(file))));
        return () => ({});
      }
      throw new Error(`Module "${wanted}" does not exist in container.`);
    }
  };
}

/**
 * Whatever webpack and Module Federation's own runtime look at.
 *
 * @param {string} from
 * @param {string} version
 * @param {Entry['get']} get
 */
function entryFor(from, version, get) {
  const shareConfig = { singleton: true, requiredVersion: false, eager: false };
  return { get, from, version, eager: false, scope: ['default'], shareConfig, useIn: [], deps: [] };
}

/** A module as a compiler's interop expects it; other than a namespace it can be added to. @param {any} namespace */
function exportsOf(namespace) {
  if ('module.exports' in namespace) {
    return namespace['module.exports'];
  }
  const exports = Object.defineProperty({}, '__esModule', { value: true });
  for (const name of Object.keys(namespace)) {
    Object.defineProperty(exports, name, { enumerable: true, get: () => namespace[name] });
  }
  return exports;
}

/** @param {string} rel @param {string} href */
function addLink(rel, href) {
  const link = document.createElement('link');
  Object.assign(link, { rel, href });
  document.head.append(link);
  return link;
}

/** @param {string} name @param {string} href */
function addStyle(name, href) {
  return new Promise((resolve, reject) => {
    const link = addLink('stylesheet', href);
    link.onload = resolve;
    link.onerror = () => reject(new Error(`${name}: the style sheet ${href} did not load.`));
  });
}

/**
 * The version to take, as webpack chooses: of what is there once for the page, the one that is
 * loaded already, else the highest; of other packages the highest that fits, else the highest.
 *
 * @param {string[]} versions
 * @param {import('./scope.mjs').Need} need
 * @param {Record<string, Entry>} entries
 * @returns {string | undefined}
 */
export function choose(versions, need, entries) {
  const good = versions.filter(each =>
    need.single ? entries[each].loaded : fits(each, need.within)
  );
  const sorted = (good.length > 0 ? good : versions).sort(compare);
  return sorted[sorted.length - 1];
}

/** @param {string} version @param {string} within "" or comparisons: all of one group must hold */
export function fits(version, within) {
  return within.split('||').some(group =>
    group.split(' ').every(each => {
      const [, sign, limit] = /^([<>]?=?)(.*)$/.exec(each) ?? [];
      const order = limit ? compare(version, limit) : 0;
      return (
        (order === 0 && sign !== '<' && sign !== '>') ||
        (order < 0 && sign.startsWith('<')) ||
        (order > 0 && sign.startsWith('>'))
      );
    })
  );
}

/** Order of semantic versions. @param {string} one @param {string} other */
export function compare(one, other) {
  const [mine, theirs] = [one, other].map(parse);
  for (let i = 0; i < 3; i++) {
    if (mine.numbers[i] !== theirs.numbers[i]) {
      return mine.numbers[i] - theirs.numbers[i];
    }
  }
  if (mine.before.length === 0 || theirs.before.length === 0) {
    return theirs.before.length - mine.before.length;
  }
  for (let i = 0; i < Math.max(mine.before.length, theirs.before.length); i++) {
    const order = compareParts(mine.before[i], theirs.before[i]);
    if (order !== 0) {
      return order;
    }
  }
  return 0;
}

/** @param {string} version */
function parse(version) {
  const [, numbers, before] = /^([^-+]*)(?:-([^+]*))?/.exec(version) ?? [];
  return { numbers: numbers.split('.').map(Number), before: before ? before.split('.') : [] };
}

/** Of a prerelease: numbers come before words, and what has more parts after what has fewer. @param {string | undefined} one @param {string | undefined} other */
function compareParts(one, other) {
  if (one === undefined || other === undefined) {
    return one === other ? 0 : one === undefined ? -1 : 1;
  }
  const [isNumber, isOther] = [one, other].map(each => /^\d+$/.test(each));
  if (isNumber && isOther) {
    return Number(one) - Number(other);
  }
  return isNumber !== isOther ? (isNumber ? -1 : 1) : one < other ? -1 : one > other ? 1 : 0;
}

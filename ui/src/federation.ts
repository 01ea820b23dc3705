/**
 * Module Federation: containers that other bundlers have made, and the one scope in which they
 * find the page's shared modules, and each other's.
 *
 * Webpack, and Rspack in both of its ways, are served. A page loads this file if it has
 * containers; it takes nothing from the host's other files, so that they stay one.
 */

import type { IContainer, IFederation } from './boot';
import type { Importer } from './modules';

/** One module at one version, with all that the run times of bundlers look at or write to. */
interface IEntry {
  /** Gives a function that returns the module. */
  readonly get: () => unknown;
  readonly from: string;
  readonly eager: boolean;
  /** Whoever is loaded is preferred, and never replaced. */
  loaded?: unknown;
  version?: string;
  scope?: string[];
  readonly shareConfig?: Readonly<Record<string, unknown>>;
  readonly useIn?: string[];
  readonly deps?: string[];
  readonly loading?: null;
  readonly strategy?: 'version-first';
}

/** By specifier, then by version. */
export type Scope = Record<string, Record<string, IEntry>>;

/** What a container's script puts into the global object. */
interface IMade {
  init(scope: Scope): unknown;
  get(module: string): Promise<() => unknown> | (() => unknown);
}

/** One for each page, whenever its containers are opened. */
const scopes = new WeakMap<IFederation['shared'], Scope>();

/** How a container's script is run; tests pass their own. */
export type RunScript = (url: string) => Promise<void>;

/** An error that knows what a person can do about it. */
class ContainerError extends Error {
  constructor(
    message: string,
    readonly hint: string,
    cause?: unknown
  ) {
    super(message, { cause });
  }
}

/**
 * Load all containers at the same time; returns for each, in their order, what its modules
 * export, or why there is nothing.
 *
 * One may need what another brings, so none is asked for its modules before all have seen the
 * scope; who has not by the `deadline` is waited for no longer.
 */
export function open(
  { global, shared, containers }: IFederation,
  importer: Importer,
  deadline: Promise<unknown>,
  runScript: RunScript = run
): Promise<unknown[]>[] {
  const scope = scopes.get(shared) ?? offer(shared, importer);
  scopes.set(shared, scope);
  const ready = containers.map(async container => {
    await runScript(container.script);
    return initialize(container, global, scope);
  });
  const all = Promise.race([Promise.allSettled(ready), deadline]);
  return containers.map(async (container, i) => {
    const made = await ready[i];
    await all;
    return take(made, container);
  });
}

/** The scope with the page's modules in it; each is imported when somebody asks for it. */
function offer(shared: IFederation['shared'], importer: Importer): Scope {
  const scope: Scope = {};
  for (const [specifier, versions] of Object.entries(shared)) {
    let module: Promise<() => unknown> | undefined;
    const get = (): Promise<() => unknown> => {
      module ??= importer(specifier).then(namespace => {
        const exports = exportsOf(namespace);
        return () => exports;
      });
      return module;
    };
    const singleton = versions.length === 1;
    const entry = (version: string): IEntry => ({
      get,
      from: 'plughost',
      eager: false,
      loaded: 1,
      version,
      scope: ['default'],
      shareConfig: {
        singleton,
        requiredVersion: `^${version}`,
        eager: false,
        strictVersion: false
      },
      useIn: [],
      deps: [],
      loading: null,
      strategy: 'version-first'
    });
    scope[specifier] = Object.fromEntries(versions.map(version => [version, entry(version)]));
  }
  return scope;
}

/**
 * A module as the code in containers expects it, which was compiled against CommonJS.
 *
 * That of a CommonJS package is its exports object; any other is marked as an ES module, and
 * unlike a namespace can be added to.
 */
export function exportsOf(namespace: object): unknown {
  if ('module.exports' in namespace) {
    return namespace['module.exports'];
  }
  const exports = Object.defineProperty({}, '__esModule', { value: true });
  for (const name of Object.keys(namespace)) {
    const get = (): unknown => (namespace as Record<string, unknown>)[name];
    Object.defineProperty(exports, name, { enumerable: true, get });
  }
  return exports;
}

async function initialize(container: IContainer, global: string, scope: Scope): Promise<IMade> {
  const { package: name, script } = container;
  const made = (window as unknown as Record<string, Record<string, IMade> | undefined>)[global];
  const found = made?.[name];
  if (typeof found?.init !== 'function' || typeof found.get !== 'function') {
    throw new ContainerError(
      `The script ${script} makes no container "${name}".`,
      `Reinstall "${name}"; if that does not help, report this to its author.`
    );
  }
  try {
    await found.init(scope);
  } catch (error) {
    throw explained(error, container, 'Its container cannot be initialised');
  }
  // What a container adds has not all that those of the other kind rely on: without a version
  // they would write it back as the version "undefined".
  for (const versions of Object.values(scope)) {
    for (const [version, entry] of Object.entries(versions)) {
      entry.version ??= version;
      entry.scope ??= ['default'];
    }
  }
  return found;
}

/** What the container's modules export by default, in one list. */
async function take(made: IMade, container: IContainer): Promise<unknown[]> {
  const get = async (module: string): Promise<unknown> => {
    try {
      return (await made.get(module))();
    } catch (error) {
      throw explained(error, container, `Its module "${module}" cannot be used`);
    }
  };
  const styles = container.styles.map(style =>
    get(style).catch(error => console.warn(`plughost: "${container.package}":`, error))
  );
  const modules = await Promise.all(container.modules.map(get));
  await Promise.all(styles);
  return modules.flatMap((module, i) => {
    const found = defaultOf(module);
    if (found === undefined) {
      throw new TypeError(`Its module "${container.modules[i]}" has no default export.`);
    }
    return found as unknown[];
  });
}

function defaultOf(module: unknown): unknown {
  const isModule = module instanceof Object && Object.hasOwn(module, '__esModule');
  return isModule ? (module as { default?: unknown }).default : module;
}

/** The error with `what` before it, and what to do: each bundler has its own words for it. */
function explained(error: unknown, { package: name }: IContainer, what: string): ContainerError {
  const message = error instanceof Error ? error.message : String(error);
  const missing =
    /Shared module (\S+) doesn't exist/.exec(message) ??
    /needs what this page does not share: ([^.]+)\./.exec(message) ??
    /#RUNTIME-012\s[\s\S]*"shareKey":"([^"]+)"/.exec(message);
  const unfit = /Unsatisfied version (\S+) .*module (\S+) \(required (.+?)\)/.exec(message);
  let hint = `Report this to the author of "${name}".`;
  if (missing) {
    hint = `It needs "${missing[1]}", which this page does not share in a version that fits: install what brings it, or another version of "${name}".`;
  } else if (unfit) {
    hint = `It needs "${unfit[2]}" ${unfit[3]}, and this page has ${unfit[1]}: install another version of "${name}".`;
  } else if (/Loading (?:CSS )?chunk/.test(message)) {
    hint = `A part of it did not load: reload the page; if that does not help, reinstall "${name}".`;
  }
  return new ContainerError(`${what}: ${message}`, hint, error);
}

/** Run a classic script by an element of its own: from its address it finds its other parts. */
function run(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.async = true;
    script.src = url;
    let thrown: ErrorEvent | undefined;
    const note = (event: ErrorEvent): void => {
      thrown = event.filename === script.src ? event : thrown;
    };
    window.addEventListener('error', note);
    const end = (failure?: unknown): void => {
      window.removeEventListener('error', note);
      failure ? reject(failure) : resolve();
    };
    script.onload = () => end(thrown && (thrown.error ?? new Error(thrown.message)));
    script.onerror = () => end(new TypeError(`The script ${url} did not load.`));
    document.head.append(script);
  });
}

/** An app over Lumino's own plugin registry, and pages made of modules held in memory. */

import { PluginRegistry, Token } from '@lumino/coreutils';
import type { IBoot, IFrontend, IPatience } from '../src/boot';
import { Page } from '../src/page';
import type { IApp } from '../src/plugin';

export class TestApp implements IApp {
  constructor(readonly plugins: IApp['plugins'] = []) {
    this._registry.application = this;
  }

  registerPlugin(plugin: Parameters<IApp['registerPlugin']>[0]): void {
    this._registry.registerPlugin(plugin);
  }

  activatePlugin(id: string): Promise<void> {
    return this._registry.activatePlugin(id);
  }

  deactivatePlugin(id: string): Promise<string[]> {
    return this._registry.deactivatePlugin(id);
  }

  start(options: Parameters<IApp['start']>[0]): Promise<void> {
    return this._registry.activatePlugins('startUp', options);
  }

  private readonly _registry = new PluginRegistry<TestApp>();
}

export interface IGreeter {
  greet(): string;
}
export const IGreeter = new Token<IGreeter>('test:IGreeter');

export interface ICounter {
  count: number;
}
export const ICounter = new Token<ICounter>('test:ICounter');

/** How a module comes: a namespace, or a function that makes one, for those that fail or dawdle. */
type Module = { default?: unknown } | (() => Promise<{ default?: unknown }>);

/**
 * A page whose app is `app` and whose frontends are `modules`, by the name of their extension;
 * those of `bundled` are in the page's bundle, as functions that run them.
 */
export function page(
  app: unknown,
  modules: Record<string, Module>,
  patience: IPatience = { module: 50, activate: 50 },
  bundled: Record<string, () => Promise<{ default?: unknown }>> = {},
  federation: IBoot['federation'] = null
): Page {
  const frontend = (extension: string): IFrontend => ({
    extension,
    package: `${extension}-package`,
    version: '1.0.0',
    module: `/${extension}.js`
  });
  const boot: IBoot = {
    page: 'test',
    baseUrl: '/',
    version: '0',
    app: frontend('app'),
    frontends: Object.keys({ ...modules, ...bundled }).map(frontend),
    bundle: { module: '/bundle.js', extensions: Object.keys(bundled) },
    federation,
    problems: false,
    patience,
    config: {}
  };
  const all: Record<string, Module> = {
    ...modules,
    app: { default: app },
    bundle: { modules: bundled } as Module
  };
  return new Page(boot, async url => {
    const module = all[new URL(url).pathname.slice(1, -3)];
    return typeof module === 'function' ? module() : module;
  });
}

/** State of each record by name, as one value to compare. */
export function states(page: Page): Record<string, string> {
  return Object.fromEntries(page.records.list().map(({ name, state }) => [name, state]));
}

/** A promise to settle from outside. */
export function delegate<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>(done => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Plugins: what extensions write, checked by the compiler, and what an app does with them. */

import type { IPlugin, Token } from '@lumino/coreutils';

/** The services behind a list of tokens, in its order. */
type Services<T extends readonly Token<any>[]> = {
  -readonly [K in keyof T]: T[K] extends Token<infer S> ? S : never;
};

/** The same, where each may be missing. */
type Perhaps<T extends readonly Token<any>[]> = {
  -readonly [K in keyof T]: T[K] extends Token<infer S> ? S | null : never;
};

/** What undoes something: an object with `dispose`, such as Lumino's disposables, or a function. */
export type Undo = { dispose(): void } | (() => unknown);

/** Keeps what is to be undone when the plugin is deactivated, or fails to activate; returns it. */
export type Keep = <T extends Undo>(undo: T) => T;

/** What `definePlugin` takes: a Lumino plugin whose `activate` is held to its tokens. */
export interface IPluginDefinition<
  App,
  Required extends readonly Token<any>[],
  Optional extends readonly Token<any>[],
  Service
> {
  /** `<npm package>:<name>`, unique in the page. */
  readonly id: string;
  /** One sentence: what the user gets. */
  readonly description?: string;
  /** `true` (the default) activates with the page, `'defer'` after it, `false` on demand. */
  readonly autoStart?: boolean | 'defer';
  readonly requires?: readonly [...Required];
  readonly optional?: readonly [...Optional];
  readonly provides?: Token<Service>;
  /**
   * Receives the app, the required services, then the optional ones or `null` for each; last,
   * what keeps all that it adds.
   */
  readonly activate: (
    app: App,
    ...services: [...Services<Required>, ...Perhaps<Optional>, Keep]
  ) => Service | Promise<Service>;
  /** Undo what `activate` has not kept; receives the app and the services. Comes first. */
  readonly deactivate?: (
    app: App,
    ...services: [...Services<Required>, ...Perhaps<Optional>]
  ) => void | Promise<void>;
}

/**
 * Define a plugin; arguments of `activate` that do not match `requires` and `optional` do not
 * compile.
 *
 * Returns a plain Lumino plugin, so that stock JupyterLab takes it as well. One whose `activate`
 * takes `keep` can be deactivated; that is seen by the number of its parameters, so none of them
 * may have a default value.
 */
export function definePlugin<
  App,
  const Required extends readonly Token<any>[] = [],
  const Optional extends readonly Token<any>[] = [],
  Service = void
>(definition: IPluginDefinition<App, Required, Optional, Service>): IPlugin<App, Service> {
  const requires = [...(definition.requires ?? [])];
  const optional = [...(definition.optional ?? [])];
  const plugin = { autoStart: true, ...definition, requires, optional } as IPlugin<App, Service>;
  const keeps = plugin.activate.length > 1 + requires.length + optional.length;
  return keeps ? keeping(plugin) : plugin;
}

/** The same plugin, with a `deactivate` that undoes what its `activate` keeps. */
function keeping<App, Service>(plugin: IPlugin<App, Service>): IPlugin<App, Service> {
  let end = async (): Promise<void> => undefined;
  return {
    ...plugin,
    activate: async (...services) => {
      const kept: Undo[] = [];
      let ended = false;
      const keep = (undo: Undo): Undo => {
        kept.push(undo);
        if (ended) {
          end().catch(console.error);
        }
        return undo;
      };
      end = async () => {
        ended = true;
        const failures: unknown[] = [];
        for (const undo of kept.splice(0).reverse()) {
          try {
            await ('dispose' in undo ? undo.dispose() : undo());
          } catch (error) {
            failures.push(error);
          }
        }
        if (failures.length > 0) {
          throw failures[0];
        }
      };
      try {
        return await plugin.activate(...services, keep);
      } catch (error) {
        await end().catch(console.error);
        throw error;
      }
    },
    deactivate: async (...services) => {
      try {
        await plugin.deactivate?.(...services);
      } finally {
        await end();
      }
    }
  };
}

/** What an app decides for a plugin: activate at start, activate after it, leave out. */
export type Admission = 'start' | 'defer' | 'disabled';

/**
 * The application object of a page, made by its app's module.
 *
 * A Lumino `Application` is one as it stands.
 */
export interface IApp {
  /** The app's own plugins. The host registers them before all others and keeps their records. */
  readonly plugins?: readonly IPlugin<any, any>[];

  /** The plugin to make of what a frontend exports in place of one; `undefined` for what is one. */
  adapt?(exported: unknown): IPlugin<any, any> | undefined;

  /** Whether a plugin may start, by the app's own settings; without it, all may. */
  admit?(plugin: IPlugin<any, any>, extension: string): Admission;

  /** Add one plugin; throws when it cannot (a duplicate id, a cycle). */
  registerPlugin(plugin: IPlugin<any, any>): void;

  /** Activate one plugin and what it requires; rejects with the reason when it cannot. */
  activatePlugin(id: string): Promise<void>;

  /** Call the `deactivate` of one plugin; one that is not there can deactivate none. */
  deactivatePlugin?(id: string): Promise<unknown>;

  /**
   * Activate what is registered, but for `ignorePlugins`; resolves when the page can be used.
   *
   * `late` resolves some time after that, when what came later is active too: not to be awaited.
   */
  start(options: { ignorePlugins: string[]; late: Promise<void> }): Promise<void>;

  /** Resolves when those are asked for whom the page does not wait; without it that is at once. */
  readonly quiet?: Promise<void>;
}

/** The plugins of a page: each registered and activated under guard, with a record. */

import type { IPlugin, Token } from '@lumino/coreutils';
import { within } from './modules';
import type { IApp } from './plugin';
import { fail, type IRecord, type Records } from './records';

type Plugin = IPlugin<any, any>;

/** A plugin, and how far it is. */
export interface IEntry {
  readonly plugin: Plugin;
  readonly record: IRecord;
  /** Whether the host sees to its activation; else the app does, or whoever needs it. */
  eager: boolean;
  /** Milliseconds its activation may hold up the page; `Infinity` for the app's own. */
  readonly patience: number;
  /** What to do if it fails. */
  readonly hint: string;
  registered: boolean;
  /** The one call of its `activate`, once there was one. */
  run: Promise<unknown> | null;
  /** Whether that has taken too long; whoever asks again does not wait again. */
  late: boolean;
  /** Calls its `deactivate`; there while it is active. */
  undo: (() => unknown) | null;
}

/** Few pages ever deactivate something. */
const deactivation = () => import('./deactivation');

const TOOLS = { within, fail };

/** Hands plugins to the app, and sees to it that none of them stops or delays the others. */
export class Plugins {
  constructor(app: IApp, records: Records) {
    this._app = app;
    this._records = records;
  }

  /** Take in one plugin, or what the app makes one of; `register()` hands it to the app. */
  add(
    exported: unknown,
    extension: string,
    patience: number,
    hint = `Report this to the author of "${extension}".`
  ): void {
    let plugin = exported as Plugin;
    let admission: ReturnType<NonNullable<IApp['admit']>> = 'start';
    let failure: [unknown] | undefined;
    try {
      plugin = this._app.adapt?.(exported) ?? plugin;
      validate(plugin);
      admission = this._app.admit?.(plugin, extension) ?? 'start';
    } catch (error) {
      failure = [error];
    }
    const record = this._records.add({ kind: 'plugin', extension, ...about(plugin) });
    if (failure) {
      fail(record, failure[0], hint);
      return;
    }
    if (admission === 'disabled') {
      record.state = 'disabled';
      return;
    }
    const { autoStart } = plugin;
    const eager =
      admission === 'start' && (autoStart === true || (this._started && autoStart === 'defer'));
    this._entries.push({
      ...{ plugin, record, eager, patience, hint },
      ...{ registered: false, run: null, late: false, undo: null }
    });
  }

  /**
   * Register what has what it requires; the rest is `waiting` and is looked at again when more
   * plugins come.
   *
   * A plugin whose token nobody provides never reaches the app, where it could only fail.
   */
  register(): void {
    const complete = this._complete();
    for (const entry of this._entries) {
      if (entry.registered || entry.record.state === 'failed') {
        continue;
      }
      if (complete.has(entry)) {
        this._register(entry);
      } else {
        this._wait(entry, complete);
      }
    }
  }

  /** Start the app with what is registered; it is told when the `rest`, taken in, is active too. */
  async start(rest: Promise<void>): Promise<void> {
    let begin = (): void => undefined;
    const started = new Promise<void>(resolve => {
      begin = resolve;
    });
    const late = Promise.all([rest, started]).then(() => this.settle());
    const ignorePlugins = this._entries
      .filter(({ registered, eager, plugin }) => registered && !eager && plugin.autoStart)
      .map(({ plugin }) => plugin.id);
    await this._app.start({ ignorePlugins, late });
    this._started = true;
    begin();
    await this.settle();
  }

  /** Register and activate whatever can be by now; before the start there is nothing to do. */
  async settle(): Promise<void> {
    if (!this._started) {
      return;
    }
    this.register();
    const open = this._entries.filter(({ registered, eager, run }) => registered && eager && !run);
    await Promise.all(
      open.map(async entry => {
        try {
          await this._app.activatePlugin(entry.plugin.id);
        } catch {
          // Its own failure is on record; else one of its providers is to blame.
          if (!entry.run) {
            this._wait(entry, this._complete());
          }
        }
      })
    );
  }

  /** See `deactivation.ts`. */
  async deactivate(name: string): Promise<string[]> {
    const { deactivate } = await deactivation();
    return deactivate(this._named(name), this._entries, this._app, TOOLS);
  }

  /** Activate a plugin that is idle or has failed, or all those of an extension. */
  async activate(name: string): Promise<void> {
    for (const entry of this._named(name)) {
      if (entry.registered && !entry.undo) {
        entry.run = entry.record.state === 'failed' ? null : entry.run;
        await this._app.activatePlugin(entry.plugin.id);
      }
    }
    await this.settle();
  }

  /** The plugin of that id, or those of the extension of that name. */
  private _named(name: string): IEntry[] {
    return this._entries.filter(
      ({ plugin, record }) => plugin.id === name || record.extension === name
    );
  }

  private _register(entry: IEntry): void {
    const { plugin, record } = entry;
    try {
      this._app.registerPlugin(this._guard(entry));
      entry.registered = true;
      record.state = entry.eager ? 'loading' : 'idle';
      record.waitingFor = [];
      record.hint = null;
    } catch (error) {
      const twin = this._entries.find(
        other => other.registered && other.plugin.id === plugin.id
      )?.record;
      fail(
        record,
        error,
        twin
          ? `Extension "${twin.extension}" has a plugin of that id; disable one of the two.`
          : entry.hint
      );
    }
  }

  /** The plugin as the app gets it: the record sees when it activates, for how long and how it ends. */
  private _guard(entry: IEntry): Plugin {
    const { plugin } = entry;
    return {
      id: plugin.id,
      description: plugin.description,
      autoStart: plugin.autoStart,
      requires: plugin.requires,
      optional: plugin.optional,
      provides: plugin.provides,
      // Even where it has none: one that is not active keeps nothing from being deactivated.
      deactivate: async () => (await deactivation()).undo(entry, TOOLS),
      activate: async (app, ...services) => {
        // Lumino asks again for a provider that failed; the answer is the same, not a second call.
        entry.run ??= this._run(entry, app, services);
        const outcome = await within(entry.run, entry.late ? 0 : entry.patience);
        return outcome ? outcome[0] : this._giveUp(entry);
      }
    };
  }

  /** Go on without a plugin that is still activating; what it provides comes late or never. */
  private _giveUp(entry: IEntry): void {
    const { plugin, record, patience, run } = entry;
    if (!entry.late) {
      entry.late = true;
      record.hint = `Still activating after ${patience} ms; the page went on without it.`;
      console.warn(`plughost: plugin "${plugin.id}" of "${record.extension}": ${record.hint}`);
      run?.then(
        () => this.settle(),
        () => undefined // already on record
      );
    }
    if (plugin.provides) {
      throw new Error(`Plugin "${plugin.id}" has not activated yet.`);
    }
  }

  private async _run(entry: IEntry, app: unknown, services: unknown[]): Promise<unknown> {
    const { plugin, record } = entry;
    const start = performance.now();
    record.phase = 'activate';
    try {
      const service = await plugin.activate(app, ...services);
      record.state = 'active';
      record.waitingFor = [];
      record.error = record.hint = null;
      entry.undo = () => plugin.deactivate?.(app, ...services);
      return service;
    } catch (error) {
      fail(record, error, entry.hint);
      throw error;
    } finally {
      record.ms = performance.now() - start;
    }
  }

  /** The plugins that have, themselves complete, a provider for each token they require. */
  private _complete(): Set<IEntry> {
    let found = this._entries.filter(({ record }) => record.state !== 'failed');
    for (;;) {
      const offered = new Set(found.map(({ plugin }) => plugin.provides));
      const kept = found.filter(
        ({ plugin }) => plugin.requires?.every(t => offered.has(t)) ?? true
      );
      if (kept.length === found.length) {
        return new Set(found);
      }
      found = kept;
    }
  }

  private _wait(entry: IEntry, complete: Set<IEntry>): void {
    const { plugin, record } = entry;
    const ready = [...complete].filter(
      other => !entry.registered || other.record.state === 'active'
    );
    const missing = (plugin.requires ?? []).filter(
      token => !ready.some(other => other.plugin.provides === token)
    );
    record.state = 'waiting';
    record.waitingFor = missing.map(token => token.name);
    record.hint = missing.map(token => this._explain(token)).join(' ');
  }

  private _explain(token: Token<any>): string {
    const provider = this._entries.find(({ plugin }) => plugin.provides === token)?.record;
    return provider
      ? `"${provider.name}" of extension "${provider.extension}" provides ${token.name} and is ${provider.state}.`
      : `No enabled extension provides ${token.name}.`;
  }

  private readonly _app: IApp;
  private readonly _records: Records;
  private readonly _entries: IEntry[] = [];
  private _started = false;
}

/** What a plugin calls itself, or what takes its place. */
function about(plugin: Plugin): { name: string; description?: string } {
  try {
    return { name: String(plugin.id), description: plugin.description };
  } catch {
    return { name: '(without an id)' };
  }
}

/** @throws TypeError naming what is wrong with the plugin. */
function validate(plugin: Plugin): void {
  if (typeof plugin?.id !== 'string' || typeof plugin.activate !== 'function') {
    throw new TypeError(
      'The module exports something that is no plugin: it needs "id" and "activate".'
    );
  }
  for (const list of ['requires', 'optional'] as const) {
    const hole = (plugin[list] ?? []).findIndex(token => !token);
    if (hole >= 0) {
      throw new TypeError(
        `"${list}" has no token at position ${hole}: the module it is imported from does not export it.`
      );
    }
  }
}

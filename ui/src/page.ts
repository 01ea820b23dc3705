/** The life of a page: import → create the app → register → start → take in what comes late. */

import type { IBoot, IBundle, IContainer, IFrontend } from './boot';
import { type Importer, importModule, load, within } from './modules';
import type { IApp } from './plugin';
import { Plugins } from './plugins';
import { fail, type IRecord, Records } from './records';

/** What an app's module receives. */
export interface IPage {
  readonly boot: IBoot;
  readonly records: Records;
}

/** Default export of an app's module. */
export type CreateApp = (page: IPage) => Promise<IApp> | IApp;

/** One page: `start()` runs it. */
export class Page implements IPage {
  constructor(boot: IBoot, importer: Importer = importModule) {
    this.boot = boot;
    this.records = new Records(boot.app.extension);
    this._importer = importer;
  }

  readonly boot: IBoot;
  readonly records: Records;

  /**
   * Bring the page up; resolves when its app has started.
   *
   * Only the app's own module, `createApp` and `start` can make it reject: without an app there
   * is no page. Whatever else goes wrong is on record and nothing more.
   */
  async start(): Promise<void> {
    const { app: own, frontends, bundle } = this.boot;
    const record = this._record(own);
    const arriving = load(own, record, this._importer, null);
    const containers = this.boot.federation?.containers.filter(each => this._usable(each)) ?? [];
    const arrivals = [
      ...this._open(
        containers.filter(({ later }) => !later),
        arriving
      ),
      ...frontends.map(frontend => this._arrive(frontend, this._importer, bundle))
    ];
    try {
      const create = await arriving;
      if (typeof create !== 'function') {
        throw new TypeError('The default export of an app is a function: createApp(page).');
      }
      record.phase = 'activate';
      const app: IApp = await (create as CreateApp)(this);
      const plugins = new Plugins(app, this.records);
      this._plugins = plugins;
      for (const plugin of app.plugins ?? []) {
        plugins.add(plugin, own.extension, Infinity);
      }
      const late = containers.filter(({ later }) => later);
      const rest = Promise.resolve(app.quiet).then(() =>
        this._gather(this._open(late, arriving), plugins, true)
      );
      await this._gather(arrivals, plugins, false);
      plugins.register();
      await plugins.start(rest);
      record.state = 'active';
    } catch (error) {
      if (record.state !== 'failed') {
        fail(record, error, `Report this to the author of "${own.package}".`);
      }
      throw error;
    }
  }

  /**
   * Deactivate a plugin, by its id, or all of an extension, by its name, after whoever uses
   * what they provide; returns their ids, in that order.
   *
   * Rejects, with nothing changed, when one of them cannot be deactivated.
   */
  async deactivate(name: string): Promise<string[]> {
    return this._plugins?.deactivate(name) ?? [];
  }

  /** Activate again what has been deactivated or has failed; rejects with the reason. */
  async activate(name: string): Promise<void> {
    await this._plugins?.activate(name);
  }

  /**
   * Take in the plugins of all frontends that are there in time, in the order of the boot data
   * (the later provider of a token wins), and see to it that the others are taken in when they come.
   *
   * Of those that are asked for `later`, nobody minds a second that nobody has waited for them.
   */
  private async _gather(arrivals: IArrival[], plugins: Plugins, later: boolean): Promise<void> {
    const { activate, module } = this.boot.patience;
    const add = ({ frontend, hint }: IArrival, found: unknown[]): void => {
      for (const exported of found) {
        plugins.add(exported, frontend.extension, activate, hint);
      }
    };
    const timely = await Promise.all(arrivals.map(arrival => within(arrival.found, module)));
    for (const [i, arrival] of arrivals.entries()) {
      const inTime = timely[i];
      if (inTime) {
        add(arrival, inTime[0]);
        continue;
      }
      const { record, found } = arrival;
      const note = (hint: string): void => {
        if (record.state === 'loading') {
          record.hint = hint;
          console.warn(`plughost: frontend "${record.name}" of "${record.extension}": ${hint}`);
        }
      };
      if (later) {
        setTimeout(note, module * 9, `Not there ${module * 10} ms after it was asked for.`);
      } else {
        note(`Not there ${module} ms after the app; the page started without it.`);
      }
      void found.then(late => {
        add(arrival, late);
        return plugins.settle();
      });
    }
  }

  /**
   * Open the containers. A late one keeps the others waiting for half of the time that the page
   * waits for them.
   */
  private _open(containers: IContainer[], app: Promise<unknown>): IArrival[] {
    const { federation, patience } = this.boot;
    if (!federation || containers.length === 0) {
      return [];
    }
    const deadline = app.then(
      () => new Promise(done => setTimeout(done, patience.module / 2)),
      () => undefined // without an app there is nothing to wait for
    );
    const opened = import('./federation').then(({ open }) =>
      open({ ...federation, containers }, this._importer, deadline)
    );
    return containers.map(({ package: name, version, script, hint }, i) => {
      const frontend = { extension: name, package: name, version, module: script };
      const importer = async () => ({ default: await (await opened)[i] });
      return { ...this._arrive(frontend, importer, null), hint };
    });
  }

  /** Whether the server has nothing against a container; else its record says what. */
  private _usable({ package: name, off, error, hint }: IContainer): boolean {
    if (!off && !error) {
      return true;
    }
    const record = this.records.add({ kind: 'frontend', name, extension: name });
    if (off) {
      record.state = 'disabled';
      record.hint = off;
    } else {
      fail(record, error, hint ?? `Reinstall "${name}".`);
    }
    return false;
  }

  /** Import one frontend; it gives no plugins when it fails, and its record says why. */
  private _arrive(frontend: IFrontend, importer: Importer, bundle: IBundle | null): IArrival {
    const record = this._record(frontend);
    const found = load(frontend, record, importer, bundle).then(
      exported => {
        record.state = 'active';
        return [exported].flat();
      },
      () => []
    );
    return { frontend, record, found };
  }

  private _record({ package: name, extension }: IFrontend): IRecord {
    return this.records.add({ kind: 'frontend', name, extension });
  }

  private readonly _importer: Importer;
  private _plugins: Plugins | null = null;
}

/** A frontend on its way, and the plugins that it will give. */
interface IArrival {
  readonly frontend: IFrontend;
  readonly record: IRecord;
  readonly found: Promise<unknown[]>;
  /** What to do if one of them fails. */
  readonly hint?: string;
}

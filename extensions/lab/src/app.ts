/** The app: JupyterLab's application object, put together from plugins by plughost's host. */

import { JupyterLab } from '@jupyterlab/application';
import { version } from '@jupyterlab/application/package.json';
import { PageConfig } from '@jupyterlab/coreutils';
import { IConnectionStatus, IServiceManager } from '@jupyterlab/services';
import { type IPlugin, PluginRegistry, PromiseDelegate } from '@lumino/coreutils';
import type { Admission, IApp, IBoot } from '@plughost/host';
import { packageOf, Switches } from './config';
import { isRenderer, rendererPlugin, stockPlugins } from './plugins';
import { canWait, isPlain } from './startup/order';
import { answers, savedWorkspace } from './startup/server';
import { Waiting } from './startup/waiting';

declare global {
  interface Window {
    /** The application, when the page configuration says `exposeAppInBrowser`. */
    jupyterapp?: JupyterLab;
  }
}

/** Milliseconds in which those who waited for everything ask for the last that the page has. */
const AFTERMATH = 1000;

/** JupyterLab as an app of a plughost page. */
export class Lab implements IApp {
  constructor({ app, federation, patience }: IBoot) {
    this._own = app.extension;
    const loaded = federation?.containers.filter(({ off, error }) => !off && !error) ?? [];
    this._replaced = new Set(loaded.map(({ package: name }) => name));
    this._late = new Set(loaded.filter(({ later }) => later).map(({ package: name }) => name));
    this._longest = patience.module + patience.activate;
  }

  readonly plugins = stockPlugins;

  /** When the page is there, or somebody is about to use it. */
  get quiet(): Promise<void> {
    return this._quiet.promise;
  }

  /** Labextensions, and whoever wants to, export renderers of one kind of data each as well. */
  adapt(exported: unknown): IPlugin<any, any> | undefined {
    return isRenderer(exported) ? rendererPlugin(exported) : undefined;
  }

  admit(plugin: IPlugin<any, any>, extension: string): Admission {
    // A labextension of a stock package's name comes in its place.
    if (extension === this._own && this._replaced.has(packageOf(plugin.id))) {
      return 'disabled';
    }
    const admission = this._switches.admission(plugin.id, extension);
    this._admitted.set(plugin, admission);
    if (this._late.has(extension)) {
      this._lateIds.add(plugin.id);
    }
    if (admission !== 'start' || extension !== this._own || !this._plain || !canWait(plugin.id)) {
      return admission;
    }
    this._patient.push(plugin.id);
    return 'defer';
  }

  registerPlugin(plugin: IPlugin<any, any>): void {
    this._registry.registerPlugin(plugin);
  }

  activatePlugin(id: string): Promise<void> {
    if (this._lateIds.has(id)) {
      this._waiting?.lateOneActivates();
    }
    return this._registry.activatePlugin(id);
  }

  deactivatePlugin(id: string): Promise<string[]> {
    return this._registry.deactivatePlugin(id);
  }

  /**
   * Build the application and start it.
   *
   * It is built this late because an extension may bring the services it is built on: whichever
   * plugin provides `IServiceManager`, and all that one requires, activates before there is an
   * application.
   */
  async start({ ignorePlugins, late }: Parameters<IApp['start']>[0]): Promise<void> {
    const registry = this._registry;
    const connectionStatus = await registry.resolveOptionalService(IConnectionStatus);
    const serviceManager = await registry.resolveRequiredService(IServiceManager);
    const availablePlugins = this._available();
    const lab = new JupyterLab({
      pluginRegistry: registry,
      serviceManager,
      connectionStatus: connectionStatus ?? undefined,
      availablePlugins,
      disabled: { matches: this._ids('disabled'), patterns: [] },
      deferred: { matches: this._ids('defer'), patterns: [] }
    });
    // Its own class takes plughost's from the page; labextensions compare it with JupyterLab's.
    (lab as { version: string }).version = version;
    if (PageConfig.getOption('exposeAppInBrowser').toLowerCase() === 'true') {
      window.jupyterapp = lab;
    }
    this._wait(lab, late);
    const deferred = new Set(this._ids('defer'));
    void late.then(() => {
      availablePlugins.splice(0, Infinity, ...this._available());
      // The others that may start later are activated by JupyterLab.
      for (const id of this._ids('defer').filter(each => !deferred.has(each))) {
        lab.activatePlugin(id).catch(() => undefined); // on the host's records
      }
    });
    await lab.start({ ignorePlugins, bubblingKeydown: true });
  }

  /** See to it that those who wait are activated, and that the answers are dropped in the end. */
  private _wait(lab: JupyterLab, late: Promise<void>): void {
    const waiting = new Waiting(lab, this._patient, this._longest, () => {
      this._quiet.resolve();
      return late;
    });
    this._waiting = waiting;
    const own = lab.allPluginsActivated;
    const all = lab.restored.then(() => waiting.whenIdle()).then(() => own);
    Object.defineProperty(lab, 'allPluginsActivated', { value: all });
    void all.then(() => setTimeout(() => answers.drop(), AFTERMATH));
  }

  private _ids(admission: Admission): string[] {
    return [...this._admitted].filter(([, is]) => is === admission).map(([{ id }]) => id);
  }

  /** What the plugin manager lists. */
  private _available(): JupyterLab.IPluginInfo[] {
    return [...this._admitted].map(([plugin, admission]) => ({
      id: plugin.id,
      description: plugin.description ?? '',
      requires: plugin.requires ?? [],
      optional: plugin.optional ?? [],
      provides: plugin.provides ?? null,
      autoStart: plugin.autoStart,
      enabled: admission !== 'disabled',
      extension: plugin.id.split(':')[0]
    }));
  }

  private readonly _quiet = new PromiseDelegate<void>();
  private _waiting: Waiting | null = null;
  /** The labextensions that come later, and their plugins. */
  private readonly _late: ReadonlySet<string>;
  private readonly _lateIds = new Set<string>();
  /** Milliseconds that the host waits for a module and its plugin. */
  private readonly _longest: number;
  /** The name of the extension whose plugins the stock ones are. */
  private readonly _own: string;
  private readonly _replaced: ReadonlySet<string>;
  private readonly _registry = new PluginRegistry<JupyterLab>();
  private readonly _switches = new Switches(
    PageConfig.Extension.disabled,
    PageConfig.Extension.deferred
  );
  /** The ids of those that wait until the page is there. */
  private readonly _patient: string[] = [];
  private readonly _plain = isPlain(savedWorkspace());
  private readonly _admitted = new Map<IPlugin<any, any>, Admission>();
}

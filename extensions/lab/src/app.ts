/** The app: JupyterLab's application object, put together from plugins by plughost's host. */

import { JupyterLab } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { IConnectionStatus, IServiceManager } from '@jupyterlab/services';
import { type IPlugin, PluginRegistry } from '@lumino/coreutils';
import type { Admission, IApp } from '@plughost/host';
import { Switches } from './config';
import { stockPlugins } from './plugins';

declare global {
  interface Window {
    /** The application, when the page configuration says `exposeAppInBrowser`. */
    jupyterapp?: JupyterLab;
  }
}

/** JupyterLab as an app of a plughost page. */
export class Lab implements IApp {
  readonly plugins = stockPlugins;

  admit(plugin: IPlugin<any, any>): Admission {
    const admission = this._switches.admission(plugin.id);
    this._admitted.set(plugin, admission);
    return admission;
  }

  registerPlugin(plugin: IPlugin<any, any>): void {
    this._registry.registerPlugin(plugin);
  }

  activatePlugin(id: string): Promise<void> {
    return this._registry.activatePlugin(id);
  }

  /**
   * Build the application and start it.
   *
   * It is built this late because an extension may bring the services it is built on: whichever
   * plugin provides `IServiceManager`, and all that one requires, activates before there is an
   * application.
   */
  async start({ ignorePlugins }: { ignorePlugins: string[] }): Promise<void> {
    const registry = this._registry;
    const connectionStatus = await registry.resolveOptionalService(IConnectionStatus);
    const serviceManager = await registry.resolveRequiredService(IServiceManager);
    const lab = new JupyterLab({
      pluginRegistry: registry,
      serviceManager,
      connectionStatus: connectionStatus ?? undefined,
      availablePlugins: this._available(),
      disabled: { matches: this._ids('disabled'), patterns: [] },
      deferred: { matches: this._ids('defer'), patterns: [] }
    });
    if (PageConfig.getOption('exposeAppInBrowser').toLowerCase() === 'true') {
      window.jupyterapp = lab;
    }
    await lab.start({ ignorePlugins, bubblingKeydown: true });
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

  private readonly _registry = new PluginRegistry<JupyterLab>();
  private readonly _switches = new Switches(
    PageConfig.Extension.disabled,
    PageConfig.Extension.deferred
  );
  private readonly _admitted = new Map<IPlugin<any, any>, Admission>();
}

/**
 * Whoever comes late can still have its widgets restored.
 *
 * The stock restorer refuses a tracker once the page has started, and the plugin that hands it
 * over fails. Here such a tracker's widgets are opened then, beside those that the layout has
 * put in their places, and its later widgets are in the layout like any other's.
 *
 * And a document that is renamed keeps its place: the stock page does not save its layout then, and
 * the next visit looks for the old name in it.
 */

import {
  ILabShell,
  type ILayoutRestorer,
  type JupyterFrontEnd,
  type LayoutRestorer
} from '@jupyterlab/application';
import stock from '@jupyterlab/application-extension';
import type { WidgetTracker } from '@jupyterlab/apputils';
import { type IRestorer, IStateDB } from '@jupyterlab/statedb';
import { type IPlugin, JSONExt } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';
import { stockPlugin } from '../stock';

type Plugin = IPlugin<JupyterFrontEnd, ILayoutRestorer>;

const plugin = stockPlugin<Plugin>(stock, '@jupyterlab/application-extension:layout');

/** The stock plugin of this id, with a restorer that takes trackers at any time. */
export const layout: Plugin = {
  ...plugin,
  activate: async (app, ...services) => {
    const restorer = await plugin.activate(app, ...services);
    const connector: IStateDB = services[(plugin.requires ?? []).indexOf(IStateDB)];
    const shell: ILabShell = services[(plugin.requires ?? []).indexOf(ILabShell)];
    let started = false;
    void app.started.then(() => {
      started = true;
    });

    let restored = false;
    void app.restored.then(() => {
      restored = true;
    });

    function save(): void {
      if (restored) {
        void (restorer as LayoutRestorer).save(shell.saveLayout());
      }
    }

    function late(tracker: WidgetTracker, options: IRestorer.IOptions<Widget>): Promise<unknown> {
      const add = (_: unknown, widget: Widget): void => {
        const name = options.name(widget);
        if (name) {
          restorer.add(widget, `${tracker.namespace}:${name}`);
        }
      };
      tracker.widgetAdded.connect(add);
      tracker.widgetUpdated.connect(add);
      return tracker.restore({
        ...options,
        args: options.args ?? (() => JSONExt.emptyObject),
        connector,
        registry: app.commands
      });
    }
    return Object.create(restorer, {
      restore: {
        value: (tracker: WidgetTracker, options: IRestorer.IOptions<Widget>) => {
          const promise = started ? late(tracker, options) : restorer.restore(tracker, options);
          // After whoever gives the widget its new name there.
          tracker.widgetUpdated.connect(save);
          return promise;
        }
      }
    });
  }
};

/**
 * Whoever comes late can still have its widgets restored.
 *
 * The stock restorer refuses a tracker once the page has started, and the plugin that hands it
 * over fails. Here such a tracker's widgets are opened then, beside those that the layout has
 * put in their places, and its later widgets are in the layout like any other's.
 */

import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
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
    let started = false;
    void app.started.then(() => {
      started = true;
    });

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
        value: (tracker: WidgetTracker, options: IRestorer.IOptions<Widget>) =>
          started ? late(tracker, options) : restorer.restore(tracker, options)
      }
    });
  }
};

/** Help of other sites opens in a tab of the browser: the page may not frame them. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import stock from '@jupyterlab/help-extension';
import type { CommandRegistry } from '@lumino/commands';
import type { IPlugin } from '@lumino/coreutils';
import { stockPlugin } from './stock';

type Open = IPlugin<JupyterFrontEnd, void>;

const plugin = stockPlugin<Open>(stock, '@jupyterlab/help-extension:open');

/** The stock plugin of this id, whose command takes the addresses of other sites for external. */
export const openHelp: Open = {
  ...plugin,
  activate: (app, ...services) => {
    const commands: CommandRegistry = Object.create(app.commands);
    commands.addCommand = (id, { execute, ...options }) =>
      app.commands.addCommand(id, {
        ...options,
        execute: args => execute({ newBrowserTab: isElsewhere(args.url), ...args })
      });
    return plugin.activate(Object.create(app, { commands: { value: commands } }), ...services);
  }
};

function isElsewhere(url: unknown): boolean {
  const { origin } = window.location;
  return URL.canParse(String(url), origin) && new URL(String(url), origin).origin !== origin;
}

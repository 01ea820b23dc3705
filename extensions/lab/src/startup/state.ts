/**
 * The layout is there as soon as it has arrived.
 *
 * The stock plugin saves a workspace right after it was loaded, and the page's start waits for
 * that: for half a second in which more changes might come, again after each, and for the
 * server. Here it goes on without; the workspace is saved all the same.
 */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import stock from '@jupyterlab/apputils-extension';
import { URLExt } from '@jupyterlab/coreutils';
import type { IStateDB } from '@jupyterlab/statedb';
import type { CommandRegistry } from '@lumino/commands';
import type { IPlugin } from '@lumino/coreutils';
import { stockPlugin } from '../stock';

const LOAD = 'apputils:load-statedb';

type Plugin = IPlugin<JupyterFrontEnd, IStateDB>;

const plugin = stockPlugin<Plugin>(stock, '@jupyterlab/apputils-extension:state');

/** The stock plugin of this id, which keeps nobody waiting. */
export const state: Plugin = {
  ...plugin,
  activate: async (app, ...services) => {
    const added: CommandRegistry = Object.create(app.commands, {
      addCommand: { value: addCommand }
    });
    const database = plugin.activate(
      Object.create(app, { commands: { value: added } }),
      ...services
    );

    function addCommand(id: string, options: CommandRegistry.ICommandOptions) {
      const execute: typeof options.execute = async args => {
        const done = Promise.resolve(options.execute(args));
        const { clone } = URLExt.queryStringToObject(String(args.search ?? ''));
        if (clone !== undefined) {
          return done; // the page goes elsewhere once the clone is saved
        }
        done.catch(error => console.warn('The workspace was not saved:', error));
        await Promise.race([done, (await database).list('')]); // listed once it has been loaded
      };
      return app.commands.addCommand(id, id === LOAD ? { ...options, execute } : options);
    }
    return database;
  }
};

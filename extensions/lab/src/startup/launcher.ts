/**
 * The launcher is there as soon as the page is: the stock plugin creates it when the layout
 * changes for the next time.
 */

import { ILabShell, type JupyterFrontEnd } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { ILauncher } from '@jupyterlab/launcher';
import stock from '@jupyterlab/launcher-extension';
import type { IPlugin } from '@lumino/coreutils';

type Plugin = IPlugin<JupyterFrontEnd, ILauncher>;

/** The stock plugin of this id, which does not wait for a change. */
export const launcher: Plugin = {
  ...stock,
  activate: async (app, ...services) => {
    const model = await (stock as Plugin).activate(app, ...services);
    const order = [...(stock.requires ?? []), ...(stock.optional ?? [])];
    const shell: ILabShell | null = services[order.indexOf(ILabShell as any)];
    const browser: IDefaultFileBrowser | null = services[order.indexOf(IDefaultFileBrowser as any)];
    // An address that names a file or a folder may lead to something else in its place.
    if (shell && !PageConfig.getOption('treePath')) {
      void Promise.all([app.restored, browser?.model.restored]).then(() => {
        if (shell.isEmpty('main')) {
          void app.commands.execute('launcher:create');
        }
      });
    }
    return model;
  }
};

/**
 * The launcher is there as soon as the page is, where the address names nothing to open: the stock
 * plugin creates it when the layout changes for the next time, whatever is being opened.
 */

import { ILabShell, type JupyterFrontEnd } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { ILauncher } from '@jupyterlab/launcher';
import stock from '@jupyterlab/launcher-extension';
import type { CommandRegistry } from '@lumino/commands';
import type { IPlugin } from '@lumino/coreutils';

type Plugin = IPlugin<JupyterFrontEnd, ILauncher>;

/** Opens what the address names. */
const OPEN = 'filebrowser:open-path';

/** The stock plugin of this id, which waits for what the address names instead of a change. */
export const launcher: Plugin = {
  ...stock,
  activate: async (app, ...services) => {
    const order = [...(stock.requires ?? []), ...(stock.optional ?? [])];
    const shell: ILabShell | null = services[order.indexOf(ILabShell as any)];
    const browser: IDefaultFileBrowser | null = services[order.indexOf(IDefaultFileBrowser as any)];
    if (!shell) {
      return (stock as Plugin).activate(app, ...services);
    }
    let opening = PageConfig.getOption('treePath') !== '';
    const opened = opening ? executed(app.commands, OPEN) : undefined;
    const busy: ILabShell = Object.create(shell, {
      isEmpty: {
        value: (area: ILabShell.Area) => {
          const isEmpty = shell.isEmpty(area);
          opening &&= isEmpty || area !== 'main';
          return isEmpty && !(opening && area === 'main');
        }
      }
    });
    const model = await (stock as Plugin).activate(
      app,
      ...services.map(each => (each === shell ? busy : each))
    );
    void Promise.all([app.restored, browser?.model.restored, opened]).then(() => {
      opening = false;
      if (shell.isEmpty('main')) {
        void app.commands.execute('launcher:create');
      }
    });
    return model;
  }
};

/** Resolves when a command has been executed once, whatever came of it. */
function executed(commands: CommandRegistry, id: string): Promise<void> {
  return new Promise(resolve => {
    const look = (_: unknown, done: CommandRegistry.ICommandExecutedArgs) => {
      if (done.id === id) {
        commands.commandExecuted.disconnect(look);
        done.result.then(
          () => resolve(),
          () => resolve()
        );
      }
    };
    commands.commandExecuted.connect(look);
  });
}

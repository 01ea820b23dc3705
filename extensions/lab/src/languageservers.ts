/**
 * Language servers that are off stay off.
 *
 * The stock manager asks for the list of servers when it is made, and its settings switch it
 * off when they are read. If the list comes after that, it is taken all the same, and each
 * document that is opened starts a server.
 */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ILSPDocumentConnectionManager } from '@jupyterlab/lsp';
import stock from '@jupyterlab/lsp-extension';
import type { IPlugin } from '@lumino/coreutils';
import { stockPlugin } from './stock';

type Connections = IPlugin<JupyterFrontEnd, ILSPDocumentConnectionManager>;

const connections = stockPlugin<Connections>(stock, '@jupyterlab/lsp-extension:plugin');

/** The stock plugin of this id, with a manager that forgets what it should not have taken. */
export const languageServers: Connections = {
  ...connections,
  activate: async (app, ...services) => {
    const manager = await connections.activate(app, ...services);
    const servers = manager.languageServerManager;
    servers.sessionsChanged.connect(() => {
      if (!servers.isEnabled && servers.sessions.size > 0) {
        servers.disable();
      }
    });
    return manager;
  }
};

/**
 * One window for each workspace, known at once.
 *
 * The stock plugin asks all other windows through `localStorage` and waits for 200 to 500 ms
 * for an objection. A lock says the same without waiting: whoever holds it has the workspace.
 * Browsers have locks where a page is trusted (HTTPS, localhost); elsewhere it is the stock
 * plugin that is activated.
 */

import { IRouter, JupyterFrontEnd } from '@jupyterlab/application';
import type { IWindowResolver } from '@jupyterlab/apputils';
import stock from '@jupyterlab/apputils-extension';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import type { IPlugin } from '@lumino/coreutils';
import { stockPlugin } from '../stock';

/** Milliseconds for a page that is just being left, as in a reload, to let go of its lock. */
const PATIENCE = 500;

type Plugin = IPlugin<JupyterFrontEnd, IWindowResolver>;

const plugin = stockPlugin<Plugin>(stock, '@jupyterlab/apputils-extension:resolver');

/** The stock plugin of this id, which waits only if the workspace is taken. */
export const windowResolver: Plugin = {
  ...plugin,
  requires: [JupyterFrontEnd.IPaths, IRouter],
  activate: async (app, paths: JupyterFrontEnd.IPaths, router: IRouter) => {
    if (!navigator.locks) {
      return plugin.activate(app, paths, router);
    }
    const name = PageConfig.getOption('workspace') || PageConfig.defaultWorkspace;
    if (await hold(`plughost:${paths.urls.base}:workspace:${name}`)) {
      return { name };
    }
    router.navigate(elsewhere(paths, router), { hard: true });
    return new Promise(() => undefined); // the page is on its way out
  }
};

/** Take a lock for as long as the page lives; whether it could be had. */
async function hold(name: string): Promise<boolean> {
  const signal = AbortSignal.timeout(PATIENCE);
  return new Promise(resolve => {
    navigator.locks
      .request(name, { signal }, () => {
        resolve(true);
        return new Promise(() => undefined);
      })
      .catch(() => resolve(false));
  });
}

/** The address of what this one shows in a workspace of its own, which begins empty. */
function elsewhere({ urls }: JupyterFrontEnd.IPaths, { current }: IRouter): string {
  const app = PageConfig.getOption('mode') === 'multiple-document' ? 'lab' : 'doc';
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  const letter = letters[Math.floor(Math.random() * letters.length)];
  const path = PageConfig.getOption('treePath');
  return (
    URLExt.join(urls.base, app, 'workspaces', `auto-${letter}`) +
    (path ? `/tree/${URLExt.encodeParts(path)}` : '') +
    URLExt.objectToQueryString({
      ...URLExt.queryStringToObject(current.search ?? ''),
      reset: '1'
    }) +
    (current.hash ?? '')
  );
}

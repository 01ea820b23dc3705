/** The connection to the server, whose first answers the page has brought along. */

import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import stock from '@jupyterlab/services-extension';
import type { IPlugin } from '@lumino/coreutils';
import { Ahead, firstNotebook } from '../notebook/ahead';
import { stockPlugin } from '../stock';
import { type Answers, readAnswers } from './answers';

type Settings = IPlugin<null, ServerConnection.ISettings>;

const plugin = stockPlugin<Settings>(stock, '@jupyterlab/services-extension:server-settings');

const { baseUrl } = ServerConnection.makeSettings();

/** The answers of this page; the app drops them when its start is over. */
export const answers: Answers = readAnswers(document, baseUrl);

const ahead = new Ahead(firstNotebook(baseUrl, location.search));

/** The workspace that the page begins with, JSON, if it has brought that along. */
export function savedWorkspace(): string | undefined {
  const api = URLExt.join(baseUrl, PageConfig.getOption('workspacesApiUrl'));
  return answers.find(URLExt.join(api, encodeURIComponent(PageConfig.getOption('workspace'))));
}

/** The stock plugin of this id, with a `fetch` that looks into the page first. */
export const serverSettings: Settings = {
  ...plugin,
  activate: () => ServerConnection.makeSettings({ fetch: ahead.before(answers.fetch) })
};

/**
 * "About" tells of plughost's version: the application's own is that of the JupyterLab it is,
 * by which labextensions decide what they may use.
 */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import stock from '@jupyterlab/help-extension';
import type { IPlugin } from '@lumino/coreutils';
import { stockPlugin } from './stock';

type Dialog = IPlugin<JupyterFrontEnd, void>;

const dialog = stockPlugin<Dialog>(stock, '@jupyterlab/help-extension:about');

/** The stock plugin of this id, for an application of plughost's version. */
export const about: Dialog = {
  ...dialog,
  activate: (app, ...services) => {
    const version = { value: PageConfig.getOption('appVersion') };
    return dialog.activate(Object.create(app, { version }), ...services);
  }
};

/** The file browser for folders of any length, as the stock factory's plugin with another factory. */

import { JupyterLab } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { type FileBrowser, IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator } from '@jupyterlab/translation';
import type { IPlugin } from '@lumino/coreutils';
import { PagedFileBrowser } from './browser';
import { PagedModel } from './model';

/** Takes the place of the stock plugin of the same id. */
export const fileBrowserFactory: IPlugin<JupyterLab, IFileBrowserFactory> = {
  id: '@jupyterlab/filebrowser-extension:factory',
  description: 'Provides the file browser factory.',
  provides: IFileBrowserFactory,
  requires: [IDocumentManager, ITranslator],
  optional: [IStateDB, JupyterLab.IInfo],
  activate: (
    _app: JupyterLab,
    manager: IDocumentManager,
    translator: ITranslator,
    stateDB: IStateDB | null,
    info: JupyterLab.IInfo | null
  ): IFileBrowserFactory => {
    const tracker = new WidgetTracker<FileBrowser>({ namespace: 'filebrowser' });
    const createFileBrowser = (
      id: string,
      options: IFileBrowserFactory.IOptions = {}
    ): FileBrowser => {
      const { restore, renderer } = options;
      const state = options.state === null ? undefined : (options.state ?? stateDB ?? undefined);
      const model = new PagedModel({
        manager,
        translator,
        state,
        auto: options.auto ?? true,
        driveName: options.driveName ?? '',
        refreshInterval: options.refreshInterval,
        refreshStandby: () => (info && !info.isConnected) || 'when-hidden',
        allowFileUploads: options.allowFileUploads ?? true
      });
      const { events } = manager.services;
      const browser = new PagedFileBrowser({
        id,
        model,
        translator,
        state,
        restore,
        renderer,
        events
      });
      void tracker.add(browser);
      return browser;
    };
    return { createFileBrowser, tracker };
  }
};

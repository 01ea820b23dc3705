/** A document that is renamed while its tab's caption is being written is no error. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { DocumentWidgetManager } from '@jupyterlab/docmanager';
import { ServerConnection } from '@jupyterlab/services';
import type { IPlugin } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

interface ICaptions {
  setCaption(widget: Widget): Promise<void>;
}

/**
 * The caption tells when the last checkpoint was made, which the stock page asks for after every
 * change and catches nothing of. The first save of an untitled document renames it at once: the
 * question that the save has caused may then be about a file that has another name already. The
 * new name writes the caption anew.
 */
export const captions: IPlugin<JupyterFrontEnd, void> = {
  id: '@plughost/lab:captions',
  description: "Lets a document be renamed while its tab's caption is being written.",
  autoStart: true,
  activate: () => {
    const manager = DocumentWidgetManager.prototype as unknown as ICaptions;
    const stock = manager.setCaption;
    manager.setCaption = async function (this: ICaptions, widget) {
      try {
        await stock.call(this, widget);
      } catch (error) {
        if (!(error instanceof ServerConnection.ResponseError && error.response.status === 404)) {
          throw error;
        }
      }
    };
  }
};

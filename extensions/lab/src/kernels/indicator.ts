/** What a notebook's indicator says of a kernel that is not there yet, or of none. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { ExecutionIndicator } from '@jupyterlab/notebook';
import type { IPlugin } from '@lumino/coreutils';

/** Every indicator has a model of this class, which takes a kernel for idle until it speaks. */
export const kernelStatus: IPlugin<JupyterFrontEnd, void> = {
  id: '@plughost/lab:kernel-status',
  description: "Lets a notebook's kernel indicator say from the start what its kernel is at.",
  autoStart: true,
  activate: () => {
    const { prototype } = ExecutionIndicator.Model;
    const stock = prototype.attachNotebook;
    prototype.attachNotebook = function (data) {
      const { content, context } = data ?? {};
      const isNew = content && !this.executionState(content);
      stock.call(this, data);
      const state = content && this.executionState(content);
      if (!isNew || !state || !context) {
        return;
      }
      const tell = () => {
        state.kernelStatus = context.kernelDisplayStatus;
        this.stateChanged.emit();
      };
      tell();
      // Nobody else tells when it is clear that there is to be none.
      context.ready.then(tell, () => {});
    };
  }
};

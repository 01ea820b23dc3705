/** A kernel that goes while the debugger asks whether it can be debugged is no error. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Debugger } from '@jupyterlab/debugger';
import type { IPlugin } from '@lumino/coreutils';

/** How the error begins that a request ends with whose kernel is restarted or given up. */
const GIVEN_UP = 'Canceled future';

/** The next kernel is asked by itself, and nobody catches what became of the question before. */
export const debuggerQuestions: IPlugin<JupyterFrontEnd, void> = {
  id: 'plughost-lab:debugger-questions',
  description: 'Lets the debugger ask in vain when a kernel goes.',
  autoStart: true,
  activate: () => {
    const { prototype } = Debugger.Handler;
    const stock = prototype.updateWidget;
    prototype.updateWidget = async function (...args) {
      try {
        await stock.apply(this, args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith(GIVEN_UP))) {
          throw error;
        }
      }
    };
  }
};

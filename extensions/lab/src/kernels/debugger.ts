/** A kernel that goes while the debugger asks it something is no error. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Debugger, type IDebugger } from '@jupyterlab/debugger';
import type { IPlugin } from '@lumino/coreutils';

/** How the error begins that a request ends with whose kernel is restarted or given up. */
const GIVEN_UP = 'Canceled future';

/**
 * The debugger asks each kernel whether it can be debugged, and after each execution for its
 * modules. Nobody catches what becomes of that, and the next kernel is asked by itself: who has
 * asked one that is gone hears nothing.
 */
export const debuggerQuestions: IPlugin<JupyterFrontEnd, void> = {
  id: '@plughost/lab:debugger-questions',
  description: 'Lets the debugger ask in vain when a kernel goes.',
  autoStart: true,
  activate: () => {
    const session: IDebugger.ISession = Debugger.Session.prototype;
    const stock = session.sendRequest;
    session.sendRequest = async function (this: IDebugger.ISession, command, args) {
      try {
        return await stock.call(this, command, args);
      } catch (error) {
        if (error instanceof Error && error.message.startsWith(GIVEN_UP)) {
          return new Promise(() => {});
        }
        throw error;
      }
    } as typeof stock;
  }
};

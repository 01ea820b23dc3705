/**
 * What we use of the inside of JupyterLab's notebook, console and session context, in one place.
 *
 * `tests/kernels/stock.test.ts` fails when the pinned version moves, or this is gone from it.
 */

import type { ISessionContext } from '@jupyterlab/apputils';
import type { CodeConsole } from '@jupyterlab/console';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, Session } from '@jupyterlab/services';

/** Members of `NotebookPanel`. */
export interface IStockPanel {
  _onSessionStatusChanged(sender: unknown, status: Kernel.Status): void;
}

/** Members of `SessionContext`. */
export interface IStockContext {
  _onStatusChanged(session: Session.ISessionConnection, status: Kernel.Status): void;
}

/** Members of `CodeConsole`. */
export interface IStockConsole {
  _onKernelChanged(): Promise<void>;
}

/** Keep a notebook from saying itself that its kernel has died: it does not know why. */
export function silence(panel: NotebookPanel): void {
  const { _onSessionStatusChanged } = panel as unknown as IStockPanel;
  panel.sessionContext.statusChanged.disconnect(_onSessionStatusChanged, panel);
}

/**
 * Keep a console from clearing itself when a kernel is asked for where none was, or does not come:
 * code may wait in it by then. It still does so when the kernel has come.
 */
export function keepUntilKernel(console: CodeConsole): void {
  const { _onKernelChanged } = console as unknown as IStockConsole;
  const { kernelChanged } = console.sessionContext;
  kernelChanged.disconnect(_onKernelChanged, console);
  kernelChanged.connect((_, { oldValue, newValue }) => {
    if (oldValue || newValue) {
      void _onKernelChanged.call(console);
    }
  }, console);
}

/** Let a session context say why its kernel is dead that was so before the context had it. */
export function tellOfStillborn(context: ISessionContext): void {
  const { session } = context;
  if (session?.kernel?.status === 'dead') {
    (context as unknown as IStockContext)._onStatusChanged(session, 'dead');
  }
}

/**
 * What we use of the inside of JupyterLab's notebook, in one place.
 *
 * `tests/kernels/stock.test.ts` fails when the pinned version moves, or this is gone from it.
 */

import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';

/** Members of `NotebookPanel`. */
export interface IStockPanel {
  _onSessionStatusChanged(sender: unknown, status: Kernel.Status): void;
}

/** Keep a notebook from saying itself that its kernel has died: it does not know why. */
export function silence(panel: NotebookPanel): void {
  const { _onSessionStatusChanged } = panel as unknown as IStockPanel;
  panel.sessionContext.statusChanged.disconnect(_onSessionStatusChanged, panel);
}

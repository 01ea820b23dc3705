/** The panel of the main area's tabs. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { DockPanel } from '@lumino/widgets';

/** It, once there are some tabs. */
export function dockOf(shell: JupyterFrontEnd.IShell): DockPanel | null {
  for (const { parent } of shell.widgets('main')) {
    if (parent instanceof DockPanel) {
      return parent;
    }
  }
  return null;
}

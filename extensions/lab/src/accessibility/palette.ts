/** The palette stays while something other than its person runs commands. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ModalCommandPalette } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';

/** What every palette has, and what TypeScript takes for its own affair. */
interface IShown {
  onAfterShow(message: Message): void;
}

/**
 * JupyterLab closes it on any command, and some run by themselves: the help menu asks for the
 * kernel as soon as that has said what it is. Whoever was typing then typed into a notebook.
 */
export const palette: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:palette',
  description: 'Keeps the command palette open when a command runs by itself.',
  autoStart: true,
  activate: ({ commands }: JupyterFrontEnd) => {
    const shown = ModalCommandPalette.prototype as unknown as IShown;
    const stock = shown.onAfterShow;
    shown.onAfterShow = function (this: ModalCommandPalette & IShown, message) {
      stock.call(this, message);
      Signal.disconnectBetween(commands, this);
      commands.commandExecuted.connect(hide, this);
    };
  }
};

/** Hide it after a command by a key or a click: while nothing else is going on, there is none. */
function hide(this: ModalCommandPalette): void {
  if (this.isVisible && window.event instanceof UIEvent) {
    this.hideAndReset();
  }
}

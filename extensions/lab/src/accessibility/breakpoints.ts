/** Breakpoints by keyboard: JupyterLab sets them with a click beside the line. */

import { EditorView } from '@codemirror/view';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

const GUTTER = '.cm-breakpoint-gutter';

export const breakpoints: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:breakpoints',
  description: 'Sets breakpoints by keyboard.',
  autoStart: true,
  requires: [ITranslator],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, translator: ITranslator, palette: ICommandPalette | null) => {
    const trans = translator.load('jupyterlab');
    const command = 'plughost:toggle-breakpoint';
    app.commands.addCommand(command, {
      label: trans.__('Toggle Breakpoint'),
      isEnabled: () => current(app.shell) !== null,
      execute: () => toggle(current(app.shell))
    });
    palette?.addItem({ command, category: trans.__('Debugger') });
  }
};

/** The editor that has the cursor, where that can have breakpoints. */
function current({ currentWidget }: JupyterFrontEnd.IShell): HTMLElement | null {
  const focused = document.activeElement?.closest<HTMLElement>('.cm-editor');
  // In the palette it is the one in which they were before.
  const editor =
    focused ??
    currentWidget?.node.querySelector<HTMLElement>(
      ':is(.jp-Cell.jp-mod-active, .jp-CodeConsole-promptCell, .jp-FileEditor) .cm-editor'
    );
  return editor?.querySelector(GUTTER) ? editor : null;
}

/** Press the mouse beside the line of the cursor. */
function toggle(editor: HTMLElement | null): void {
  const view = editor && EditorView.findFromDOM(editor);
  const gutter = editor?.querySelector(GUTTER);
  if (view && gutter) {
    const line = view.lineBlockAt(view.state.selection.main.head);
    const clientY = view.documentTop + (line.top + line.bottom) / 2;
    gutter.dispatchEvent(new MouseEvent('mousedown', { bubbles: true, cancelable: true, clientY }));
  }
}

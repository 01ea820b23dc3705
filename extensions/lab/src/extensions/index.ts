/**
 * Extensions that do not work in this page are named in it: a button in the status bar, there as
 * long as there is something to tell, opens a list of what is wrong and what to do.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import type { Records } from '@plughost/host';
import { showProblems } from './list';

const SHOW = 'plughost:show-extension-problems';

/** Between the connection of the kernel and the notifications. */
const RANK = 50;

export const extensionProblems: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:extension-problems',
  description: 'Shows which extensions do not work in this page, why, and what to do.',
  autoStart: true,
  optional: [IStatusBar, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    statusBar: IStatusBar | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const records = window.plughost?.records;
    if (!records) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('plughost');
    app.commands.addCommand(SHOW, {
      label: trans.__('Show Extension Problems'),
      isEnabled: () => records.problems().length > 0,
      execute: () => showProblems(records.problems(), trans)
    });
    palette?.addItem({ command: SHOW, category: trans.__('Help') });
    let restored = false;
    const button = makeButton(trans, () => void app.commands.execute(SHOW));
    const changed = new Signal<Widget, void>(button);
    statusBar?.registerStatusItem('@plughost/lab:extension-problems', {
      item: button,
      align: 'right',
      rank: RANK,
      priority: 1,
      isActive: () => restored && countOf(records) > 0,
      activeStateChanged: changed
    });
    const update = (): void => {
      button.node.textContent = trans._n(
        '%1 extension problem',
        '%1 extension problems',
        countOf(records)
      );
      changed.emit();
      app.commands.notifyCommandChanged(SHOW);
    };
    // Before, nobody waits in vain: what they need may still come.
    void app.restored.then(() => {
      restored = true;
      records.changed.add(update);
      update();
    });
  }
};

/** How many extensions have problems. */
function countOf(records: Records): number {
  return new Set(records.problems().map(({ extension }) => extension)).size;
}

function makeButton(trans: TranslationBundle, show: () => void): Widget {
  const node = document.createElement('button');
  node.className = 'plughost-ExtensionProblems-button jp-mod-highlighted';
  node.title = trans.__('What does not work, and what to do');
  node.onclick = show;
  return new Widget({ node });
}

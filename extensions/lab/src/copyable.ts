/** A dialog that tells something which people want to have elsewhere. */

import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

/** Show what a node says; "Copy" puts the text into the clipboard. */
export async function showCopyable(
  title: string,
  node: HTMLElement,
  text: string,
  trans: TranslationBundle
): Promise<void> {
  const { button } = await showDialog({
    title,
    body: new Widget({ node }),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Close') }),
      Dialog.okButton({ label: trans.__('Copy') })
    ]
  });
  if (button.accept) {
    Clipboard.copyToSystem(text);
  }
}

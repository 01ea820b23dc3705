/** The list of extensions that do not work in this page, as a dialog and as text to copy. */

import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import type { IRecord } from '@plughost/host';

type Problems = readonly IRecord[];

/** Show the list; "Copy" puts it into the clipboard. */
export async function showProblems(problems: Problems, trans: TranslationBundle): Promise<void> {
  const { button } = await showDialog({
    title: trans.__('Extensions with problems in this page'),
    body: new Widget({ node: listOf(problems, trans) }),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Close') }),
      Dialog.okButton({ label: trans.__('Copy') })
    ]
  });
  if (button.accept) {
    Clipboard.copyToSystem(textOf(problems));
  }
}

/** The list as somebody would paste it into a report. */
export function textOf(problems: Problems): string {
  return [...byExtension(problems)]
    .map(([extension, records]) => [extension, ...records.map(lineOf)].join('\n'))
    .join('\n\n');
}

function lineOf({ kind, name, state, phase, error, hint }: IRecord): string {
  const said = [error, hint].filter(Boolean).map(text => `\n    ${text}`);
  return `  ${kind} ${name}: ${state} (${phase})${said.join('')}`;
}

function byExtension(problems: Problems): Map<string, IRecord[]> {
  const found = new Map<string, IRecord[]>();
  for (const record of problems) {
    found.set(record.extension, [...(found.get(record.extension) ?? []), record]);
  }
  return found;
}

function listOf(problems: Problems, trans: TranslationBundle): HTMLElement {
  const list = element('div', '', 'plughost-ExtensionProblems');
  // So that the arrow keys scroll it.
  list.tabIndex = 0;
  for (const [extension, records] of byExtension(problems)) {
    list.append(element('h3', extension));
    for (const record of records) {
      const { kind, name, state, error, hint } = record;
      const what = kind === 'plugin' ? trans.__('Plugin') : trans.__('Module');
      list.append(element('p', `${what} ${name}: ${state}`));
      if (error) {
        list.append(element('pre', error));
      }
      if (hint) {
        list.append(element('p', hint));
      }
    }
  }
  return list;
}

function element(tag: string, text: string, className = ''): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

/** The list of extensions that do not work in this page, as a dialog. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { showCopyable } from '../copyable';
import { byExtension, type Problems, textOf } from './text';

/** Show the list; "Copy" puts it into the clipboard. */
export function showProblems(problems: Problems, trans: TranslationBundle): Promise<void> {
  const title = trans.__('Extensions with problems in this page');
  return showCopyable(title, listOf(problems, trans), textOf(problems), trans);
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

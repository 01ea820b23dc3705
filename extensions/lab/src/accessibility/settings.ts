/**
 * The settings editor by keyboard, by ear, and in a narrow window: its sections can be chosen, its
 * fields have names, and the ones are above the others where there is no room beside them.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingEditorTracker } from '@jupyterlab/settingeditor/lib/tokens.js';
import { NARROW } from './narrow';

export const settingsEditor: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:settings-editor',
  description:
    "Makes the settings editor's sections focusable, names its fields, and has them fit.",
  autoStart: true,
  requires: [ISettingEditorTracker],
  activate: (_app: JupyterFrontEnd, editors: ISettingEditorTracker) => {
    const narrow = window.matchMedia(NARROW);
    editors.widgetAdded.connect((_, { node, content, disposed }) => {
      const turn = (): void => {
        content.orientation = narrow.matches ? 'vertical' : 'horizontal';
      };
      narrow.addEventListener('change', turn);
      disposed.connect(() => narrow.removeEventListener('change', turn));
      turn();
      let asked = 0;
      const mend = (): void => {
        cancelAnimationFrame(asked);
        asked = requestAnimationFrame(() => {
          listSections(node);
          nameFields(node);
        });
      };
      const observer = new MutationObserver(mend);
      observer.observe(node, { childList: true, subtree: true });
      disposed.connect(() => observer.disconnect());
      node.addEventListener('keydown', choose);
      mend();
    });
  }
};

const SECTION = '.jp-PluginList-entry';

/** Stock's sections are called tabs, though nothing is a list of tabs: they are buttons. */
function listSections(editor: HTMLElement): void {
  for (const section of editor.querySelectorAll<HTMLElement>(SECTION)) {
    section.tabIndex = 0;
    section.setAttribute('role', 'button');
    section.querySelector('.jp-PluginList-entry-label')?.removeAttribute('role');
    section.parentElement?.setAttribute('role', 'group');
    section.parentElement?.setAttribute(
      'aria-label',
      section.parentElement.parentElement?.querySelector('.jp-PluginList-header')?.textContent ?? ''
    );
  }
}

/** Enter and Space on a section do what a click does, and lead to its fields. */
function choose({ target, key, currentTarget }: KeyboardEvent): void {
  if (!(target instanceof HTMLElement && target.matches(SECTION) && /^(Enter| )$/.test(key))) {
    return;
  }
  const editor = currentTarget as Element; // gone by the next frame
  target.click();
  requestAnimationFrame(() => {
    const id = CSS.escape(`jp-SettingsEditor-${target.dataset.id}`);
    const form = editor.querySelector(`[id^="${id}"]`);
    form
      ?.closest('.jp-SettingsForm')
      ?.querySelector<HTMLElement>('input, select, textarea, button')
      ?.focus();
  });
}

/** The text beside a field is its name; a button with an icon has a title, which it does not hand on. */
function nameFields(editor: HTMLElement): void {
  const fields = 'input:not([aria-label]), select:not([aria-label]), textarea:not([aria-label])';
  for (const field of editor.querySelectorAll<HTMLInputElement>(fields)) {
    const group = field.closest('.jp-FormGroup-content');
    const beside = group?.querySelector('.jp-FormGroup-fieldLabel') ?? field.previousElementSibling;
    const name = beside?.textContent;
    if (name && field.labels?.length === 0) {
      field.setAttribute('aria-label', name);
    }
  }
  for (const button of editor.querySelectorAll<HTMLElement>('jp-button[title]:not([aria-label])')) {
    button.setAttribute('aria-label', button.title);
  }
}

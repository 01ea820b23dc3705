/** What runs, by keyboard: JupyterLab opens it, and shuts it down, with clicks on its entry. */

import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

const ENTRY = '.jp-RunningSessions-item';
const SECTION = '.jp-RunningSessions-section';

/** Milliseconds in which an entry goes, unless somebody has thought better of it. */
const PATIENCE = 10_000;

/** Which part of an entry a key clicks. */
const PARTS = new Map([
  ['Enter', '.jp-RunningSessions-itemLabel'],
  ['Delete', '.jp-RunningSessions-itemShutdown']
]);

export const running: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:running',
  description: 'Opens and shuts down by keyboard what the panel of running sessions lists.',
  autoStart: true,
  activate: () => document.addEventListener('keydown', press),
  deactivate: () => document.removeEventListener('keydown', press)
};

/** Without modifiers: with them, a key is a shortcut. */
function press(event: KeyboardEvent): void {
  const { key, target, altKey, ctrlKey, metaKey, shiftKey } = event;
  const entry = target instanceof Element && target.matches(ENTRY) ? target : null;
  const name = PARTS.get(key);
  if (!entry || !name || altKey || ctrlKey || metaKey || shiftKey) {
    return;
  }
  const part = entry.querySelector<HTMLElement>(`:scope > ${name}`);
  if (!part) {
    return;
  }
  event.preventDefault();
  if (key === 'Delete') {
    keepFocus(entry);
  }
  part.click();
}

/** When an entry goes, the focus goes to the one in its place, or to what is left of the list. */
function keepFocus(entry: Element): void {
  const section = entry.closest(SECTION);
  if (!section) {
    return;
  }
  const { nextElementSibling, previousElementSibling } = entry;
  const observer = new MutationObserver(() => {
    if (entry.isConnected) {
      return;
    }
    observer.disconnect();
    if (document.activeElement === document.body) {
      const beside = [nextElementSibling, previousElementSibling].find(
        (each): each is HTMLElement =>
          each instanceof HTMLElement && each.isConnected && each.matches(ENTRY)
      );
      (beside ?? section.querySelector<HTMLElement>('[role=tree]'))?.focus();
    }
  });
  observer.observe(section, { childList: true, subtree: true });
  setTimeout(() => observer.disconnect(), PATIENCE);
}

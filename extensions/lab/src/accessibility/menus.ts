/** Back to where one was, when a menu is left with a key; Lumino lets the focus drop to nowhere. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IMainMenu } from '@jupyterlab/mainmenu';
import type { Menu, MenuBar } from '@lumino/widgets';

export const menus: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:menus',
  description: 'Gives the focus back where it was when a menu closes.',
  autoStart: true,
  requires: [IMainMenu],
  activate: ({ contextMenu }: JupyterFrontEnd, mainMenu: IMainMenu) => {
    const way = new WayBack(mainMenu as unknown as MenuBar);
    contextMenu.menu.aboutToClose.connect(() => way.leave());
  }
};

class WayBack {
  constructor(bar: MenuBar) {
    this._bar = bar;
    document.addEventListener('pointerdown', () => (this._key = ''), true);
    document.addEventListener('keydown', event => this._evtKeydown(event), true);
    document.addEventListener('focusin', ({ target }) => this._evtFocus(target as HTMLElement));
  }

  /**
   * A menu is about to close; with a key that does something, the focus returns now.
   *
   * The command runs after this: it is meant for where the focus is, and a dialog of its own gives
   * the focus back to where it found it.
   */
  leave(): void {
    if (this._key && !this._key.startsWith('Arrow') && this._before?.isConnected) {
      this._before.focus();
    }
  }

  private _evtFocus(target: HTMLElement): void {
    if (!target.closest('.lm-MenuBar, .lm-Menu')) {
      this._before = target;
    } else if (this._bar.node.contains(target)) {
      for (const menu of this._bar.menus) {
        if (!this._followed.has(menu)) {
          this._followed.add(menu);
          menu.aboutToClose.connect(() => this._leaveBar());
        }
      }
    }
  }

  /** Escape leads from a menu of the bar to the bar, and from the bar back. */
  private _leaveBar(): void {
    if (this._key !== 'Escape') {
      this.leave();
      return;
    }
    requestAnimationFrame(() => {
      this._bar.node.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
    });
  }

  private _evtKeydown(event: KeyboardEvent): void {
    this._key = event.key;
    const open = document.querySelector('.lm-Menu') !== null;
    if (event.key === 'Escape' && !open && this._bar.node.contains(event.target as Node)) {
      event.preventDefault();
      event.stopPropagation();
      this.leave();
    }
  }

  private readonly _bar: MenuBar;
  private readonly _followed = new WeakSet<Menu>();
  /** The key that was pressed last; empty after the mouse. */
  private _key = '';
  /** What had the focus last outside of menus. */
  private _before: HTMLElement | null = null;
}

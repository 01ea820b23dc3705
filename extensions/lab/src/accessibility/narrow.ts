/** Narrow windows, as on a phone or at a high zoom: one area at a time. */

import {
  ILabShell,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { SplitPanel, type Widget } from '@lumino/widgets';
import { dockOf } from './dock';

/** Below this width there is no room for two areas side by side; style/accessibility.css has it, too. */
export const NARROW = '(width < 640px)';

/** How stock shares the width among the left side, the main area and the right side. */
const SIZES = [1, 2.5, 1];

export const narrowWindows: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:narrow-windows',
  description: 'Shows one area at a time where the window is too narrow for two.',
  autoStart: true,
  requires: [ILabShell, IDocumentManager],
  activate: (app: JupyterFrontEnd, shell: ILabShell, documents: IDocumentManager) => {
    const narrow = window.matchMedia(NARROW);
    let areas: OneAtATime | null = null;
    let sizes = SIZES;
    const follow = (): void => {
      app.format = narrow.matches ? 'mobile' : 'desktop';
      if (narrow.matches) {
        areas ??= new OneAtATime(shell, documents, sizes);
      } else {
        areas?.dispose();
        areas = null;
      }
    };
    // When a window has become narrow it is too late to ask: they have been squeezed.
    shell.layoutModified.connect(() => {
      if (!narrow.matches) {
        sizes = shell.saveLayout().relativeSizes ?? sizes;
      }
    });
    void shell.restored.then(({ relativeSizes }) => {
      sizes = relativeSizes ?? sizes;
      follow();
      narrow.addEventListener('change', follow);
    });
  }
};

/**
 * As long as it lives, a panel that is opened at a side takes the place of the main area, and gives
 * it back when something in the main area is opened.
 *
 * The layout that is saved meanwhile has the sides as they were: a visit with a phone changes
 * nothing for the desk.
 */
class OneAtATime {
  constructor(shell: ILabShell, documents: IDocumentManager, relativeSizes: number[]) {
    this._shell = shell;
    this._documents = documents;
    const { leftArea, rightArea } = shell.saveLayout();
    const save = shell.saveLayout;
    this._before = { left: !shell.leftCollapsed, right: !shell.rightCollapsed, relativeSizes };
    shell.saveLayout = () => ({
      ...save.call(shell),
      leftArea,
      rightArea,
      relativeSizes
    });
    this._known = new Set(shell.widgets('main'));
    shell.collapseLeft();
    shell.collapseRight();
    shell.layoutModified.connect(this._arrange, this);
    shell.currentChanged.connect(this._toMain, this);
    documents.activateRequested.connect(this._toMain, this);
    // What is out of sight does not become the current one.
    const activate = shell.activateById;
    shell.activateById = id => {
      if ([...shell.widgets('main')].some(widget => widget.id === id)) {
        this._toMain();
      }
      activate.call(shell, id);
    };
  }

  dispose(): void {
    const { _shell: shell, _before: before } = this;
    this._documents.activateRequested.disconnect(this._toMain, this);
    shell.currentChanged.disconnect(this._toMain, this);
    shell.layoutModified.disconnect(this._arrange, this);
    Reflect.deleteProperty(shell, 'saveLayout');
    Reflect.deleteProperty(shell, 'activateById');
    dockOf(shell)?.show();
    if (before.left) {
      shell.expandLeft();
    } else {
      shell.collapseLeft();
    }
    if (before.right) {
      shell.expandRight();
    } else {
      shell.collapseRight();
    }
    const split = dockOf(shell)?.parent;
    if (split instanceof SplitPanel) {
      split.setRelativeSizes(before.relativeSizes);
    }
  }

  /** Leave one of the areas in the window. */
  private _arrange(): void {
    const { _shell: shell, _seen: seen } = this;
    const widgets = [...shell.widgets('main')];
    const isSomethingNew = widgets.some(widget => !this._known.has(widget));
    this._known = new Set(widgets);
    const open = { left: !shell.leftCollapsed, right: !shell.rightCollapsed };
    this._seen = open;
    if (isSomethingNew && (open.left || open.right)) {
      this._toMain();
      return;
    }
    if (open.left && open.right) {
      // The one that was there gives way.
      if (seen.left) {
        shell.collapseLeft();
      } else {
        shell.collapseRight();
      }
    }
    dockOf(shell)?.setHidden(open.left || open.right);
  }

  private _toMain(): void {
    this._shell.collapseLeft();
    this._shell.collapseRight();
    this._arrange();
  }

  private readonly _shell: ILabShell;
  private readonly _documents: IDocumentManager;
  private readonly _before: { left: boolean; right: boolean; relativeSizes: number[] };
  private _known: Set<Widget>;
  private _seen = { left: false, right: false };
}

/** With the keyboard what a mouse does by dragging: the sizes of areas, and the places of tabs. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import { DockLayout, SplitLayout, type TabBar, type Widget } from '@lumino/widgets';
import { dockOf } from './dock';

/** By how much of the window an area grows or shrinks at a time. */
const STEP = 0.05;

/** How far from an area's edge the line is that can be moved; pixels. */
const NEAR = 12;

export const panels: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:panels',
  description: 'Commands that resize areas, and move and close tabs.',
  autoStart: true,
  requires: [ITranslator],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, translator: ITranslator, palette: ICommandPalette | null) => {
    const trans = translator.load('jupyterlab');
    const { shell } = app;
    const commands: [id: string, label: string, execute: () => unknown][] = [
      ['widen-area', trans.__('Make Area Wider'), () => resize(shell, 'wide', 1)],
      ['narrow-area', trans.__('Make Area Narrower'), () => resize(shell, 'wide', -1)],
      ['heighten-area', trans.__('Make Area Taller'), () => resize(shell, 'high', 1)],
      ['lower-area', trans.__('Make Area Shorter'), () => resize(shell, 'high', -1)],
      ['move-tab-left', trans.__('Move Tab Left'), () => shift(shell, -1)],
      ['move-tab-right', trans.__('Move Tab Right'), () => shift(shell, 1)],
      ['split-tab-right', trans.__('Split Tab to the Right'), () => split(shell, 'split-right')],
      ['split-tab-down', trans.__('Split Tab Down'), () => split(shell, 'split-bottom')],
      ['move-tab-to-next-bar', trans.__('Move Tab to Next Tab Bar'), () => toNextBar(shell)]
    ];
    for (const [id, label, execute] of commands) {
      const command = `plughost:${id}`;
      app.commands.addCommand(command, { label, execute });
      palette?.addItem({ command, category: trans.__('Main Area') });
    }
    app.commands.addCommand('plughost:close-focused-tab', {
      label: trans.__('Close Tab'),
      execute: () => closeFocused(shell)
    });
  }
};

/** A line between two areas, and how to move it to the right or down. */
interface ILine {
  readonly box: DOMRect;
  move(pixels: number): void;
}

/** Move a line beside the area that has the focus, so that this grows by a step, or shrinks. */
function resize(shell: JupyterFrontEnd.IShell, way: 'wide' | 'high', grow: 1 | -1): void {
  const area = focusedArea(shell)?.getBoundingClientRect();
  if (!area) {
    return;
  }
  const wide = way === 'wide';
  const [start, end] = wide ? [area.left, area.right] : [area.top, area.bottom];
  const step = Math.round((wide ? window.innerWidth : window.innerHeight) * STEP);
  const along = lines(shell).filter(({ box }) =>
    wide
      ? box.height > box.width && box.top < area.bottom && box.bottom > area.top
      : box.height < box.width && box.left < area.right && box.right > area.left
  );
  const at = ({ box }: ILine): number =>
    wide ? (box.left + box.right) / 2 : (box.top + box.bottom) / 2;
  const after = along.find(line => Math.abs(at(line) - end) <= NEAR);
  const before = along.find(line => Math.abs(at(line) - start) <= NEAR);
  if (after) {
    after.move(grow * step);
  } else {
    before?.move(-grow * step);
  }
}

/** The panel at the side or below that has the focus; else the tabs' area in the main area. */
function focusedArea(shell: JupyterFrontEnd.IShell): Element | null | undefined {
  const panel = document.activeElement?.closest('#jp-left-stack, #jp-right-stack, #jp-down-stack');
  return panel ?? shell.currentWidget?.node;
}

/** All lines that are seen. */
function lines(shell: JupyterFrontEnd.IShell): ILine[] {
  const found: ILine[] = [];
  const add = (node: HTMLElement, move: (pixels: number) => void): void => {
    if (node.checkVisibility()) {
      found.push({ box: node.getBoundingClientRect(), move });
    }
  };
  for (let widget: Widget | null = dockOf(shell); widget; widget = widget.parent) {
    const { layout } = widget;
    if (layout instanceof DockLayout) {
      for (const node of layout.handles()) {
        add(node, by => layout.moveHandle(node, node.offsetLeft + by, node.offsetTop + by));
      }
    } else if (layout instanceof SplitLayout) {
      for (const [i, node] of layout.handles.entries()) {
        const start = layout.orientation === 'horizontal' ? node.offsetLeft : node.offsetTop;
        add(node, by => layout.moveHandle(i, start + by));
      }
    }
  }
  return found;
}

/** The current tab: its panel, its widget, its bar, and its place in that. */
function currentTab(shell: JupyterFrontEnd.IShell) {
  const dock = dockOf(shell);
  const widget = shell.currentWidget;
  const bars = dock ? [...dock.tabBars()] : [];
  const bar = bars.find(({ titles }) => widget && titles.includes(widget.title));
  return dock && widget && bar
    ? { dock, widget, bars, bar, index: bar.titles.indexOf(widget.title) }
    : null;
}

/** Change places with the tab beside it. */
function shift(shell: JupyterFrontEnd.IShell, step: 1 | -1): void {
  const tab = currentTab(shell);
  const ref = tab?.bar.titles[tab.index + step]?.owner;
  if (tab && ref) {
    tab.dock.addWidget(tab.widget, { mode: step < 0 ? 'tab-before' : 'tab-after', ref });
    shell.activateById(tab.widget.id);
  }
}

/** Take the tab out of its bar, to a place of its own beside it. */
function split(shell: JupyterFrontEnd.IShell, mode: DockLayout.InsertMode): void {
  const tab = currentTab(shell);
  const ref = tab?.bar.titles.find(({ owner }) => owner !== tab.widget)?.owner;
  if (tab && ref) {
    tab.dock.addWidget(tab.widget, { mode, ref });
    shell.activateById(tab.widget.id);
  }
}

function toNextBar(shell: JupyterFrontEnd.IShell): void {
  const tab = currentTab(shell);
  const next = tab?.bars[(tab.bars.indexOf(tab.bar) + 1) % tab.bars.length];
  const ref = next?.titles.at(-1)?.owner;
  if (tab && ref && next !== tab.bar) {
    tab.dock.addWidget(tab.widget, { mode: 'tab-after', ref });
    shell.activateById(tab.widget.id);
  }
}

/** Close the widget whose tab has the focus; the focus stays among the tabs. */
function closeFocused(shell: JupyterFrontEnd.IShell): void {
  const focused = document.activeElement;
  for (const bar of dockOf(shell)?.tabBars() ?? []) {
    const index = [...bar.contentNode.children].findIndex(tab => tab.contains(focused));
    const title = bar.titles[index];
    if (title?.closable) {
      title.owner.disposed.connect(focusAgain, bar);
      title.owner.close();
    }
  }
}

/** Focus the current tab, unless the focus has gone elsewhere: who is asked may not close it. */
function focusAgain(this: TabBar<Widget>): void {
  requestAnimationFrame(() => {
    const tab = this.isDisposed ? null : this.contentNode.children[this.currentIndex];
    const { activeElement: focused, body } = document;
    const isFree = focused === null || focused === body || this.node.contains(focused);
    if (isFree && tab instanceof HTMLElement) {
      tab.focus();
    }
  });
}

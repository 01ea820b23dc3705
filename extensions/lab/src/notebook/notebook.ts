/**
 * A notebook whose cells are filled when they come near, and not before.
 *
 * All cells are in the page from the beginning, in their order and about as high as they will be,
 * but empty. The stock notebook fills one after the other whenever there is nothing else to do,
 * until all of them are; with thousands of cells that takes minutes, in which every key waits.
 *
 * It is so in the stock mode `contentVisibility`, which is the default. Others are as they were.
 */

import type { Cell } from '@jupyterlab/cells';
import { type Notebook, NotebookViewModel } from '@jupyterlab/notebook';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { type ILateCell, isLate } from './cells';
import { estimatedHeight } from './height';
import { nextFrame, Settling } from './settling';
import { type IStockLayout, type IStockNotebook, StockNotebook } from './stock';

/** How far from what is in view cells are filled, above and below, in heights of the view. */
const NEAR = 1;

/** Milliseconds to put cells into the page; then something else may come, and the rest is put. */
const AT_ONCE = 10;

/** How many frames a text may take to be drawn until its cell's place counts as settled. */
const FRAMES = 20;

export class LateNotebook extends StockNotebook {
  constructor(options: Notebook.IOptions) {
    super(options);
    this._resized = new ResizeObserver(() => this._look());
    this._resized.observe(this.outerNode);
    this._resized.observe(this.viewportNode);
    this.outerNode.addEventListener('scroll', () => this._look(), { passive: true });
    this._settling = new Settling(this.outerNode);
    // Asked for each cell whenever some are inserted, but of use in mode `full` only.
    const { estimateWidgetSize } = this.viewModel;
    this.viewModel.estimateWidgetSize = index =>
      this._isLate ? NotebookViewModel.DEFAULT_CELL_SIZE : estimateWidgetSize(index);
    const layout = this.layout as unknown as IStockLayout;
    const attach = layout.attachWidget;
    layout.attachWidget = (index, widget) =>
      isLate(widget as Cell) && (widget as ILateCell).waits
        ? this._attachEmpty(index, widget)
        : attach.call(layout, index, widget);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._resized.disconnect();
      this._settling.dispose();
    }
    super.dispose();
  }

  /** Fill the cell and what will be seen with it, so that its place does not change any more. */
  override async scrollToItem(
    ...[index, ...how]: Parameters<Notebook['scrollToItem']>
  ): Promise<void> {
    const request = Symbol();
    this._scrolling = request;
    if (this._isLate) {
      this._place(Number.POSITIVE_INFINITY);
      await Promise.all(this._around(index).map(cell => this._fill(cell)));
    }
    if (this._scrolling === request && !this.isDisposed) {
      await super.scrollToItem(index, ...how);
    }
  }

  override renderCellOutputs(index: number): void {
    void this._fill(this.cellsArray[index]);
    super.renderCellOutputs(index);
  }

  override async _runOnIdleTime(milliseconds = AT_ONCE): Promise<void> {
    if (!this._isLate) {
      return super._runOnIdleTime(milliseconds);
    }
    this._place(milliseconds);
    this._fillActive();
  }

  /** What is typed next is for the active cell: it has its editor before it is to have the focus. */
  override _ensureFocus(force = false): void {
    if (this._isChanging) {
      return;
    }
    if (this._isLate && this.mode === 'edit') {
      this._fillActive();
    }
    super._ensureFocus(force);
  }

  /** Each cell that comes or goes would get or give the focus; only the last one has it then. */
  override _onCellsChanged(...change: Parameters<IStockNotebook['_onCellsChanged']>): void {
    this._isChanging = true;
    try {
      super._onCellsChanged(...change);
    } finally {
      this._isChanging = false;
    }
    this._ensureFocus();
  }

  /** Some cells may have their number already, and get no other one for those that came along. */
  override _updateDataWindowedListIndex(...change: [start: number, delta: number]): void {
    super._updateDataWindowedListIndex(...change);
    for (const [index, { dataset }] of this.cellsArray.entries()) {
      if (this._isLate && dataset.windowedListIndex !== undefined) {
        dataset.windowedListIndex = `${index}`;
      }
    }
  }

  /** Cells are observed as they are filled. */
  override _setupContentVisibilityObserver(): void {
    this._contentVisibilityObserver ??= new IntersectionObserver(onSeen, { threshold: 0.1 });
    for (const cell of this.cellsArray) {
      if (!cell.isPlaceholder()) {
        this._contentVisibilityObserver.observe(cell.node);
      }
    }
  }

  /**
   * Called for each cell that is inserted, and once more after all of them; to look through all
   * cells for each of them takes seconds in a long notebook.
   */
  override _syncCellTrust(cell?: Cell): void {
    if (!cell) {
      super._syncCellTrust();
    }
  }

  override _updateNotebookConfig(): void {
    super._updateNotebookConfig();
    if (!this._isLate) {
      for (const cell of this.cellsArray) {
        void this._fill(cell);
      }
    }
  }

  private get _isLate(): boolean {
    return this.notebookConfig.windowingMode === 'contentVisibility';
  }

  /**
   * Put cells that are not yet there into the page, empty, from the first one on: the active one
   * and those before it in any case.
   */
  private _place(milliseconds: number): void {
    const { cellsArray, layout } = this;
    if (this.isDisposed || layout.widgets.length === cellsArray.length) {
      return;
    }
    const end = performance.now() + milliseconds;
    const there = new Set(layout.widgets);
    for (const [index, cell] of cellsArray.entries()) {
      if (there.has(cell)) {
        continue;
      }
      if (index > this.activeCellIndex && performance.now() > end) {
        this._scheduleCellRenderOnIdle();
        break;
      }
      cell.dataset.windowedListIndex = `${index}`;
      if (isLate(cell) && cell.isPlaceholder()) {
        cell.waits = true;
        // There is nothing to be left out, and for this, too, each frame looks at all of them.
        cell.node.style.contentVisibility = 'visible';
        cell.node.style.minHeight = `${estimatedHeight(cell.model)}px`;
      }
      layout.insertWidget(index, cell);
    }
    // Nothing is resized when they are as high together as those that went at the same time.
    this._look();
  }

  private _fillActive(): void {
    const { activeCell } = this;
    if (activeCell?.isPlaceholder()) {
      this._place(0);
      void this._fill(activeCell);
    }
  }

  /** As a layout does it; the notebook's searches all nodes for the place of each. */
  private _attachEmpty(index: number, widget: Widget): void {
    const { isAttached, layout, viewportNode } = this;
    if (isAttached) {
      MessageLoop.sendMessage(widget, Widget.Msg.BeforeAttach);
    }
    viewportNode.insertBefore(widget.node, layout.widgets[index + 1]?.node ?? null);
    if (isAttached) {
      MessageLoop.sendMessage(widget, Widget.Msg.AfterAttach);
    }
  }

  /** Fill what is near, before the next frame is drawn. */
  private _look(): void {
    this._looking ??= requestAnimationFrame(() => {
      this._looking = null;
      if (this._isLate && !this.isDisposed) {
        // All are measured before one is filled: else the page is laid out anew for each.
        for (const { cell, height } of this._waitingNear()) {
          this._settling.begin(cell.node, height);
          void this._fill(cell);
        }
      }
    });
  }

  /**
   * Empty cells that are near, and how high they are.
   *
   * An observer of intersections would tell as well, but looks at thousands of cells each frame.
   */
  private _waitingNear(): { cell: Cell; height: number }[] {
    const cells = this.layout.widgets as readonly Cell[];
    const { top, height } = this.outerNode.getBoundingClientRect();
    const found: { cell: Cell; height: number }[] = [];
    for (let at = this._firstBelow(top - NEAR * height); at < cells.length; at++) {
      const cell = cells[at];
      if (cell.isHidden) {
        continue;
      }
      const box = cell.node.getBoundingClientRect();
      if (box.top > top + (1 + NEAR) * height) {
        break;
      }
      if (isLate(cell) && cell.waits) {
        found.push({ cell, height: box.height });
      }
    }
    return found;
  }

  /** The index of the first cell, or of hidden ones before it, that ends below a height. */
  private _firstBelow(height: number): number {
    const cells = this.layout.widgets;
    let low = 0;
    let high = cells.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      let shown = middle;
      while (shown < high && cells[shown].isHidden) {
        shown++;
      }
      if (shown < high && cells[shown].node.getBoundingClientRect().bottom <= height) {
        low = shown + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** A cell, and those that can be in view together with it. */
  private _around(index: number): Cell[] {
    const found = new Set<Cell>();
    for (const step of [-1, 1]) {
      let room = this.outerNode.clientHeight;
      for (let at = index; room > 0 && this.cellsArray[at]; at += step) {
        const cell = this.cellsArray[at];
        if (!cell.isHidden) {
          found.add(cell);
          room -= estimatedHeight(cell.model);
        }
      }
    }
    return [...found];
  }

  /** Resolves when the cell is as high as it will be, or takes too long for that. */
  private async _fill(cell: Cell): Promise<void> {
    if (!isLate(cell) || !cell.waits) {
      return;
    }
    const { style } = cell.node;
    // Laid out now, wherever it is: else it would get its height, and move others, in view only.
    style.contentVisibility = 'visible';
    style.containIntrinsicSize = `auto ${style.minHeight}`;
    cell.fill();
    for (let frame = 0; frame < FRAMES && !cell.isDisposed && !cell.isDrawn(); frame++) {
      await nextFrame();
    }
    style.minHeight = '';
    await this._settling.end(cell.node);
    this._contentVisibilityObserver?.observe(cell.node);
  }

  private readonly _resized: ResizeObserver;
  private readonly _settling: Settling;
  private _isChanging = false;
  private _looking: number | null = null;
  private _scrolling: symbol | null = null;
}

/** Filled cells that are out of view need not be laid out; those in view may not be clipped. */
function onSeen(entries: IntersectionObserverEntry[]): void {
  for (const { target, isIntersecting } of entries) {
    const { style } = target as HTMLElement;
    style.contentVisibility = isIntersecting ? 'visible' : 'auto';
    style.contain = isIntersecting ? 'style' : 'layout style paint';
  }
}

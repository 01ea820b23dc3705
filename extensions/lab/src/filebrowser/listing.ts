/** The file browser's list, of which only the rows near the viewport are in the page. */

import type { DirListing } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { ElementExt } from '@lumino/domutils';
import { type Message, MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { describeGrid, describeHeader, describeRow } from './aria';
import { LOADING } from './folder';
import type { PagedModel } from './model';
import { covers, drawn, type IRange, type IView, visible } from './rows';
import { StockListing } from './stock';

const ITEM_CLASS = 'jp-DirListing-item';
const DROP_TARGET_CLASS = 'jp-mod-dropTarget';

/** Height of a row until one is there to be measured; pixels. */
const ROW_HEIGHT = 24;

/** By how much a key changes the width of a column; pixels. */
const COLUMN_STEP = 16;

/** Events of the mouse that mean nothing on a row whose entry has not come yet. */
const ON_ENTRIES = new Set(['mousedown', 'click', 'dblclick']);

/**
 * Stands in `_items` for every row that is not in the page.
 *
 * Stock asks all of them in turn whether the mouse is on them; this one says no, and fast.
 */
const NOT_DRAWN = document.createElement('li');
NOT_DRAWN.getBoundingClientRect = () => NOWHERE;
NOT_DRAWN.contains = () => false;
const NOWHERE = new DOMRect(-1, -1, 0, 0);

/**
 * Stock's list, drawn in part.
 *
 * `_sortedItems` has an entry and `_items` a node for each row, as stock expects; most of them
 * stand in for others. Where stock would draw them all, it is shown those that are drawn.
 */
export class WindowedListing extends StockListing {
  constructor(options: DirListing.IOptions, model: PagedModel) {
    super(options);
    this._paged = model;
    const trans = (options.translator ?? nullTranslator).load('jupyterlab');
    this._label = trans.__('Files');
    this._editNode.setAttribute('aria-label', trans.__('New name'));
    model.rowsChanged = () => {
      if (!this.isDisposed) {
        this.update();
      }
    };
  }

  /** Whether a name is being typed: rows had better stay where they are. */
  get renaming(): boolean {
    return this._editNode.isConnected;
  }

  override sort(state: DirListing.ISortState): void {
    const { folder } = this._paged;
    if (folder) {
      this._sortedItems = folder.rows;
      this._sortState = state;
      this.update();
      this._saveState();
    } else {
      super.sort(state);
    }
    this._tellOrder();
  }

  override async restore(id: string): Promise<void> {
    await super.restore(id);
    const { folder } = this._paged;
    if (folder) {
      this._sortedItems = folder.rows;
    }
    this._tellOrder();
  }

  override async rename(): Promise<string> {
    const selected = Object.keys(this.selection);
    const focused = this._sortedItems[this._focusIndex]?.path;
    const path = selected.includes(focused) ? focused : selected.at(-1);
    const index = this._sortedItems.findIndex(item => item.path === path);
    if (index >= 0) {
      this._reveal(index);
    }
    const renaming = super.rename();
    this._describe(); // a field has taken the place of a name
    try {
      return await renaming;
    } finally {
      if (!this.isDisposed) {
        this._describe();
      }
    }
  }

  override async selectAll(): Promise<void> {
    await this._paged.ensure({ start: 0, end: this._sortedItems.length });
    return super.selectAll();
  }

  override selectByPrefix(): void {
    if (!this._paged.folder) {
      super.selectByPrefix();
      return;
    }
    this._prefix = this._searchPrefix;
    this._search().catch(error => this._paged.report(error));
  }

  override modelForClick(event: MouseEvent): Contents.IModel | undefined {
    const found = super.modelForClick(event);
    return found === LOADING ? undefined : found;
  }

  override handleEvent(event: Event): void {
    const target = event.target as Element;
    if (ON_ENTRIES.has(event.type) && target.closest('[aria-busy=true]')) {
      return;
    }
    if (event.type === 'keydown' && this.headerNode.contains(target)) {
      this._evtHeaderKeydown(event as KeyboardEvent);
      return;
    }
    super.handleEvent(event);
    if (event.type === 'scroll') {
      this._follow();
    }
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.update();
  }

  protected override onUpdateRequest(msg: Message): void {
    const first = this._items.length === 0 && this._sortedItems.length > 0;
    this._layOut();
    const { _items: nodes, _sortedItems: items, _focusIndex: focusIndex } = this;
    const drawn = this._drawn;
    this._items = drawn.map(i => nodes[i]);
    this._sortedItems = drawn.map(i => items[i]);
    this._focusIndex = drawn.indexOf(focusIndex);
    try {
      super.onUpdateRequest(msg);
    } finally {
      this._items = nodes;
      this._sortedItems = items;
      this._focusIndex = focusIndex;
    }
    this._markCheckAll();
    this._describe();
    if (first) {
      this._width = this._computeContentWidth();
      this._updateColumnSizes();
    }
    this._paged.show(this._range);
    // The renderer puts icons into new rows at the next frame, and with them they are higher.
    requestAnimationFrame(() => {
      if (!this.isDisposed && this._measure()) {
        this.update();
      }
    });
  }

  override updateNodes(items: Contents.IModel[], nodes: HTMLElement[], sizeOnly = false): void {
    const rows = drawnOf(items, nodes);
    super.updateNodes(rows.items, rows.nodes, sizeOnly);
    if (!sizeOnly) {
      for (const [i, node] of rows.nodes.entries()) {
        if (rows.items[i] === LOADING) {
          node.setAttribute('aria-busy', 'true');
          node.title = '';
        } else {
          node.removeAttribute('aria-busy');
        }
      }
    }
  }

  override updateModified(items: Contents.IModel[], nodes: HTMLElement[]): void {
    const rows = drawnOf(items, nodes);
    super.updateModified(rows.items, rows.nodes);
  }

  override updateCreated(items: Contents.IModel[], nodes: HTMLElement[]): void {
    const rows = drawnOf(items, nodes);
    super.updateCreated(rows.items, rows.nodes);
  }

  override _updateColumnSizes(before: DirListing.IColumn['id'] | null = null): void {
    super._updateColumnSizes(before);
    this._describe();
  }

  override _onContentResize(): void {
    super._onContentResize();
    this._follow();
  }

  override _onModelRefreshed(): void {
    const selected = this.selection;
    this.clearSelectedItems(false);
    for (const { path } of this._paged.items()) {
      if (selected[path]) {
        this.selection[path] = true;
      }
    }
    if (this.isVisible) {
      this.sort(this.sortState);
    } else {
      this._isDirty = true;
    }
  }

  /**
   * Keys on the name of a column: Enter and Space sort by it, arrows go to the next one, and with
   * Shift make it narrower or wider; down leads to the rows.
   */
  private _evtHeaderKeydown(event: KeyboardEvent): void {
    const columns = describeHeader(this.headerNode);
    const column = columns.find(node => node.contains(event.target as Node));
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!column || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    if (event.key === 'Enter' || event.key === ' ') {
      column.click();
    } else if (event.key === 'ArrowDown') {
      this._focusItem(this._focusIndex);
    } else if (step && event.shiftKey) {
      const id = columnOf(column);
      this._setColumnSize(id, column.getBoundingClientRect().width + step * COLUMN_STEP);
    } else if (step) {
      const next = columns[columns.indexOf(column) + step];
      if (next) {
        column.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      }
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** A click on the box in the header ticks rows that have not come yet, too. */
  override _evtClick(event: MouseEvent): void {
    const box = this.renderer.getCheckboxNode?.(this.headerNode);
    const nothing = box?.dataset.checked === 'false' && box.dataset.indeterminate === 'false';
    const inHeader = this.headerNode.contains(event.target as Node);
    if (this._paged.folder && inHeader && nothing && this.isWithinCheckboxHitArea(event)) {
      void this.selectAll();
      return;
    }
    super._evtClick(event);
  }

  override _focusItem(index: number): void {
    this._reveal(Math.min(Math.max(index, 0), this._sortedItems.length - 1));
    super._focusItem(index);
  }

  override _selectItem(index: number, keepExisting: boolean, focus = true): void {
    if (this._sortedItems[index] !== LOADING) {
      this._reveal(index);
      super._selectItem(index, keepExisting, focus);
      return;
    }
    this._focusItem(index);
    this._soon({ start: index, end: index + 1 }, index, () =>
      this._selectItem(index, keepExisting, focus)
    );
  }

  override _handleMultiSelect(index: number): void {
    const from = this._focusIndex;
    const range = { start: Math.min(from, index), end: Math.max(from, index) + 1 };
    if (!this._paged.folder || this._paged.folder.has(range)) {
      super._handleMultiSelect(index);
      return;
    }
    this._soon(range, index, () => {
      this._focusIndex = from;
      super._handleMultiSelect(index);
      this._focusItem(index);
      this.update();
    });
  }

  override async _selectItemByName(name: string, focus = false, force = false): Promise<void> {
    const paged = this._paged;
    if (!force && this.isSelected(name)) {
      return;
    }
    if (!paged.folder) {
      // Stock's way, but the folder may turn out to be long.
      await super._selectItemByName(name, focus, force).catch(error => {
        if (!paged.folder) {
          throw error;
        }
      });
    } else {
      await paged.refresh();
    }
    if (!paged.folder) {
      return;
    }
    const index = await paged.find({ at: name });
    if (this.isDisposed) {
      throw new Error('File browser is disposed.');
    }
    if (index < 0) {
      throw new Error('Item does not exist.');
    }
    this._selectFound(index, focus);
  }

  /** Select the first entry that begins with what has been typed, up to the last letter. */
  private async _search(): Promise<void> {
    if (this._searching) {
      return;
    }
    this._searching = true;
    try {
      let prefix = '';
      let index = -1;
      while (prefix !== this._prefix) {
        prefix = this._prefix;
        index = await this._paged.find({ prefix });
      }
      if (index >= 0 && !this.isDisposed) {
        this._selectFound(index, true);
      }
    } finally {
      this._searching = false;
    }
  }

  /** Select the row of `folder` that has been found. */
  private _selectFound(index: number, focus: boolean): void {
    // A list that is hidden has the rows of before.
    this._sortedItems = this._paged.folder?.rows ?? this._sortedItems;
    this._selectItem(index, false, focus);
    MessageLoop.sendMessage(this, Widget.Msg.UpdateRequest);
    ElementExt.scrollIntoViewIfNeeded(this.contentNode, this._items[index]);
  }

  /** Draw the rows that are near the viewport now, unless they are drawn already. */
  private _follow(): void {
    const view = this._view();
    if (covers(this._range, visible(view))) {
      this._paged.show(this._range);
    } else {
      MessageLoop.sendMessage(this, Widget.Msg.UpdateRequest);
    }
  }

  /** Have a row in the page, where it belongs; who asks scrolls to it, or the browser does. */
  private _reveal(index: number): void {
    if (this._items.length !== this._sortedItems.length || this._items[index] === NOT_DRAWN) {
      this._wanted = index;
      MessageLoop.sendMessage(this, Widget.Msg.UpdateRequest);
    }
  }

  /** Do something with rows when all their entries are there, if `index` has the focus still. */
  private _soon(range: IRange, index: number, then: () => void): void {
    void this._paged.ensure(range).then(complete => {
      if (complete && !this.isDisposed && this._focusIndex === index) {
        then();
      }
    });
  }

  private _tellOrder(): void {
    this._paged.order = {
      sort: this.sortState,
      notebooksFirst: this._sortNotebooksFirst,
      natural: this._sortFileNamesNaturally
    };
  }

  private _view(): IView {
    const { scrollTop, clientHeight: height } = this.contentNode;
    return { total: this._sortedItems.length, rowHeight: this._rowHeight, scrollTop, height };
  }

  /**
   * Put the nodes of the rows that are to be drawn into the page, and room for the others.
   *
   * A node that stays is not moved: it would lose the focus, and with it a name being typed.
   */
  private _layOut(): void {
    const content = this.contentNode;
    const total = this._sortedItems.length;
    const range = drawn(this._view());
    const kept = this._kept().filter(i => i < total && !(range.start <= i && i < range.end));
    const before = kept.filter(i => i < range.start);
    const after = kept.filter(i => i >= range.end);
    const inside = Array.from({ length: range.end - range.start }, (_, i) => range.start + i);
    const rows = [...before, ...inside, ...after];

    const old = this._items;
    const wanted = new Set(rows);
    const spare: HTMLElement[] = [];
    for (const i of this._drawn) {
      if (!wanted.has(i)) {
        old[i].remove();
        old[i].classList.remove(DROP_TARGET_CLASS);
        spare.push(old[i]);
        old[i] = NOT_DRAWN;
      }
    }
    const had = old.length;
    old.length = total;
    if (total > had) {
      old.fill(NOT_DRAWN, had);
    }
    if (range.end - range.start < total) {
      content.prepend(this._above);
      content.append(this._below);
    } else {
      this._above.remove();
      this._below.remove();
    }
    let next = content.firstElementChild;
    if (next === this._above) {
      next = next.nextElementSibling;
    }
    for (const i of rows) {
      if (old[i] === NOT_DRAWN) {
        old[i] = spare.pop() ?? this._newNode();
      }
      if (old[i] === next) {
        next = next.nextElementSibling;
      } else {
        content.insertBefore(old[i], next);
      }
    }
    this._drawn = rows;
    this._range = range;
    this._place(range, new Set(kept));
  }

  /** Rows that are in the page wherever it is scrolled to: keyboard or mouse are there, or go there. */
  private _kept(): number[] {
    const active = this._drawn.filter(i => this._items[i]?.contains(document.activeElement));
    const dragged = this._dragData ? [this._dragData.index] : [];
    return [...new Set([this._focusIndex, this._wanted, ...active, ...dragged])].sort(
      (a, b) => a - b
    );
  }

  /** Give the list the height of all rows, and each row its place in it. */
  private _place({ start, end }: IRange, outside: ReadonlySet<number>): void {
    const { style } = this.contentNode;
    const total = this._sortedItems.length;
    const height = this._rowHeight;
    const partly = end - start < total;
    this._above.style.height = `${start * height}px`;
    this._below.style.height = `${(total - end) * height}px`;
    style.position = partly ? 'relative' : '';
    // Rows come and go above what is seen without moving it; the browser must not help.
    style.overflowAnchor = partly ? 'none' : '';
    for (const i of this._drawn) {
      const node = this._items[i];
      node.style.position = outside.has(i) ? 'absolute' : '';
      node.style.top = outside.has(i) ? `${i * height}px` : '';
    }
  }

  /** Measure how far rows are apart; whether that is another distance than before. */
  private _measure(): boolean {
    const { start, end } = this._range;
    // A row whose name is being typed is higher than others.
    const row = this._items[start]?.contains(this._editNode) ? start + 1 : start;
    if (row + 1 >= end || !this.isVisible) {
      return false;
    }
    const [top, next] = [row, row + 1].map(i => this._items[i].getBoundingClientRect().top);
    if (next - top < 1 || Math.abs(next - top - this._rowHeight) < 0.01) {
      return false;
    }
    this._rowHeight = next - top;
    return true;
  }

  /** Say what the list is and what its rows are to those who do not see it. */
  private _describe(): void {
    describeHeader(this.headerNode);
    describeGrid(this.node, this.contentNode, {
      label: this._label,
      rows: this._sortedItems.length,
      columns: this.headerNode.querySelectorAll('[role=columnheader]').length
    });
    for (const i of this._drawn) {
      const { path } = this._sortedItems[i];
      describeRow(this._items[i], i, !!this.selection[path]);
    }
  }

  private _newNode(): HTMLElement {
    const node = this.renderer.createItemNode(this._hiddenColumns, this._columnSizes);
    node.classList.add(ITEM_CLASS);
    return node;
  }

  /** Stock compares what is selected with the rows that are drawn; compare it with all. */
  private _markCheckAll(): void {
    const box = this.renderer.getCheckboxNode?.(this.headerNode);
    const total = this._sortedItems.length;
    const selected = Object.keys(this.selection).length;
    if (!box || this._drawn.length === total || selected === 0) {
      return;
    }
    box.checked = selected === total;
    box.indeterminate = !box.checked;
    box.dataset.checked = String(box.checked);
    box.dataset.indeterminate = String(box.indeterminate);
  }

  private readonly _paged: PagedModel;
  private readonly _label: string;
  private readonly _above = room();
  private readonly _below = room();
  private _rowHeight = ROW_HEIGHT;
  /** The rows that are in the page, in their order: those of `_range`, and the few that are kept. */
  private _drawn: number[] = [];
  private _range: IRange = { start: 0, end: 0 };
  /** The row that was last asked for, near the viewport or not. */
  private _wanted = 0;
  /** What has been typed to select an entry; stock forgets it after a second. */
  private _prefix = '';
  private _searching = false;
}

/** Which column a part of the header is the name of. */
function columnOf(header: HTMLElement): DirListing.IColumn['id'] {
  const names: Record<string, DirListing.IColumn['id']> = {
    'jp-id-modified': 'last_modified',
    'jp-id-filesize': 'file_size',
    'jp-id-created': 'date_created'
  };
  return names[[...header.classList].find(name => name in names) ?? ''] ?? 'name';
}

/** What of a list's rows is in the page. */
function drawnOf(
  items: Contents.IModel[],
  nodes: HTMLElement[]
): { items: Contents.IModel[]; nodes: HTMLElement[] } {
  const there = (_: unknown, i: number): boolean =>
    i < items.length && i < nodes.length && nodes[i] !== NOT_DRAWN;
  return { items: items.filter(there), nodes: nodes.filter(there) };
}

/** Takes the place of the rows above or below those that are drawn. */
function room(): HTMLElement {
  const node = document.createElement('li');
  node.setAttribute('role', 'presentation');
  return node;
}

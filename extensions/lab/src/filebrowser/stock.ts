/**
 * What we use of the inside of JupyterLab's file browser, in one place.
 *
 * `DirListing` and `FileBrowserModel` keep in private members what a listing by pages has to know
 * and to change. Here they are as base classes on which just those members are visible.
 * `tests/filebrowser/stock.test.ts` fails when the pinned version moves, or one of them is gone:
 * read that version's `listing.js` and `model.js` again then, and only then change the test.
 */

import type { IDocumentManager } from '@jupyterlab/docmanager';
import { DirListing, type FileBrowserModel, FilterFileBrowserModel } from '@jupyterlab/filebrowser';
import type { Contents, Session } from '@jupyterlab/services';
import type { IStateDB } from '@jupyterlab/statedb';
import type { IScore } from '@jupyterlab/ui-components';
import type { PromiseDelegate } from '@lumino/coreutils';
import type { Poll } from '@lumino/polling';
import type { Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

/** Members of `DirListing`: row `i` shows `_sortedItems[i]` in the node `_items[i]`. */
export interface IStockListing extends Widget {
  selection: Record<string, boolean>;
  readonly contentNode: HTMLElement;
  readonly headerNode: HTMLElement;
  readonly renderer: DirListing.IRenderer;
  readonly sortState: DirListing.ISortState;

  _items: HTMLElement[];
  _sortedItems: Contents.IModel[];
  _sortState: DirListing.ISortState;
  readonly _sortNotebooksFirst: boolean;
  readonly _sortFileNamesNaturally: boolean;
  readonly _hiddenColumns: Set<DirListing.ToggleableColumn>;
  readonly _columnSizes: Record<DirListing.IColumn['id'], number | null>;
  readonly _dragData: { index: number } | null;
  readonly _editNode: HTMLInputElement;
  readonly _searchPrefix: string;
  _focusIndex: number;
  _isDirty: boolean;
  _width: number | null;

  sort(state: DirListing.ISortState): void;
  rename(): Promise<string>;
  restore(id: string): Promise<void>;
  selectAll(): Promise<void>;
  selectByPrefix(): void;
  isSelected(name: string): boolean;
  clearSelectedItems(emit?: boolean): void;
  modelForClick(event: MouseEvent): Contents.IModel | undefined;
  handleEvent(event: Event): void;
  updateNodes(items: Contents.IModel[], nodes: HTMLElement[], sizeOnly?: boolean): void;
  updateModified(items: Contents.IModel[], nodes: HTMLElement[]): void;
  updateCreated(items: Contents.IModel[], nodes: HTMLElement[]): void;
  isWithinCheckboxHitArea(event: Event): boolean;

  _computeContentWidth(): number;
  _evtClick(event: MouseEvent): void;
  _focusItem(index: number): void;
  _handleMultiSelect(index: number): void;
  _onContentResize(): void;
  _onModelRefreshed(): void;
  _saveState(): void;
  _selectItem(index: number, keepExisting: boolean, focus?: boolean): void;
  _selectItemByName(name: string, focus?: boolean, force?: boolean): Promise<void>;
  _setColumnSize(name: DirListing.IColumn['id'], size: number | null): void;
  _updateColumnSizes(doNotGrowBefore?: DirListing.IColumn['id'] | null): void;
}

/** Members of `FilterFileBrowserModel` and of what it extends. */
export interface IStockModel {
  readonly manager: IDocumentManager;
  readonly path: string;
  readonly isDisposed: boolean;
  readonly includeHiddenFiles: boolean;
  filterDirectories: boolean;

  readonly _connectionFailure: Signal<FileBrowserModel, Error>;
  readonly _pathChanged: Signal<
    FileBrowserModel,
    { name: 'path'; oldValue: string; newValue: string }
  >;
  readonly _refreshed: Signal<FileBrowserModel, void>;
  readonly _restored: PromiseDelegate<void>;
  readonly _poll: Poll;
  readonly _trans: { __(text: string, ...args: string[]): string };
  readonly _root: string;
  readonly _state: IStateDB | null;
  readonly _paths: Set<string>;
  readonly _sessions: Session.IModel[];
  _key: string;
  _pending: Promise<void> | null;
  _pendingPath: string | null;

  cd(path?: string): Promise<void>;
  refresh(): Promise<void>;
  restore(id: string, populate?: boolean): Promise<void>;
  items(): IterableIterator<Contents.IModel>;
  setFilter(filter: (model: Contents.IModel) => Partial<IScore> | null): void;
  upload(file: File, path?: string): Promise<Contents.IModel>;
  dispose(): void;
  handleContents(contents: Contents.IModel): void;
  onRunningChanged(sender: Session.IManager, models: Iterable<Session.IModel>): void;

  _isPathWithinRoot(path: string): boolean;
  _populateSessions(models: Iterable<Session.IModel>): void;
}

export const StockListing = DirListing as unknown as new (
  options: DirListing.IOptions
) => IStockListing;

export const StockModel = FilterFileBrowserModel as unknown as new (
  options: FilterFileBrowserModel.IOptions
) => IStockModel;

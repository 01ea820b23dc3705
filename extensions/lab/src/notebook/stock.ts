/**
 * What we use of the inside of JupyterLab's notebook, in one place.
 *
 * Some members that have to do with drawing are private. Here they are as base classes and
 * interfaces in which just those members are visible.
 * `tests/notebook/stock.test.ts` fails when the pinned version moves, or one of them is gone:
 * read that version's `widget.js` again then, and only then change the test.
 */

import type { Cell, ICellModel } from '@jupyterlab/cells';
import {
  type CellList,
  type INotebookModel,
  Notebook,
  NotebookPanel,
  type NotebookViewModel
} from '@jupyterlab/notebook';
import type { IObservableList } from '@jupyterlab/observables';
import type { IOutputModel } from '@jupyterlab/rendermime';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { Message } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';

/** Members of `StaticNotebook`, which draws cells when nothing else is to be done. */
export interface IStockNotebook
  extends Omit<Notebook, 'dispose' | 'renderCellOutputs' | 'scrollToItem'> {
  readonly cellsArray: readonly Cell[];
  readonly viewModel: NotebookViewModel;
  _contentVisibilityObserver: IntersectionObserver | null;

  dispose(): void;
  renderCellOutputs(index: number): void;
  scrollToItem(...where: Parameters<Notebook['scrollToItem']>): Promise<void>;
  _ensureFocus(force?: boolean): void;
  _onCellsChanged(sender: CellList, args: IObservableList.IChangedArgs<ICellModel>): void;
  _runOnIdleTime(milliseconds?: number): Promise<void>;
  _scheduleCellRenderOnIdle(): void;
  _setupContentVisibilityObserver(): void;
  _syncCellTrust(cell?: Cell): void;
  _updateDataWindowedListIndex(start: number, delta: number): void;
  _updateNotebookConfig(): void;
}

export const StockNotebook = Notebook as unknown as new (
  options: Notebook.IOptions
) => IStockNotebook;

/** Members of `NotebookPanel`, which writes down what a new kernel is. */
export interface IStockPanel {
  readonly model: INotebookModel | null;
  _updateLanguage(language: KernelMessage.ILanguageInfo): void;
  _updateSpec(kernel: Kernel.IKernelConnection): Promise<void>;
}

export const stockPanel = NotebookPanel.prototype as unknown as IStockPanel;

/** Members of `Cell`. */
export interface IStockCell
  extends Omit<Cell, 'inViewport' | 'onBeforeAttach' | 'onAfterAttach' | 'onUpdateRequest'> {
  placeholder: boolean;
  get inViewport(): boolean;
  set inViewport(value: boolean);

  onBeforeAttach(message: Message): void;
  onAfterAttach(message: Message): void;
  onUpdateRequest(message: Message): void;
}

/** Members of `OutputArea`: it draws the outputs whose index is less than `_maxNumberOutputs`. */
export interface IStockOutputs {
  _maxNumberOutputs: number;
  _insertOutput(index: number, model: IOutputModel): void;
  _setOutput(index: number, model: IOutputModel): void;
  onInputRequest(message: KernelMessage.IInputRequestMsg, future: Kernel.IShellFuture): void;
}

/** Members of `NotebookWindowedLayout`. */
export interface IStockLayout {
  attachWidget(index: number, widget: Widget): void;
}

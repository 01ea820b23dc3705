/**
 * What we use of the inside of JupyterLab's notebook, in one place.
 *
 * Some members of `Notebook` and `CodeCell` that have to do with drawing are private. Here they
 * are as base classes on which just those members are visible.
 * `tests/notebook/stock.test.ts` fails when the pinned version moves, or one of them is gone:
 * read that version's `widget.js` again then, and only then change the test.
 */

import type { Cell, CodeCell } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';
import type { OutputArea } from '@jupyterlab/outputarea';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { Message } from '@lumino/messaging';

/** Members of `StaticNotebook`, which draws cells when nothing else is to be done. */
export interface IStockNotebook
  extends Omit<Notebook, 'dispose' | 'renderCellOutputs' | 'scrollToItem'> {
  readonly cellsArray: readonly Cell[];
  _contentVisibilityObserver: IntersectionObserver | null;

  dispose(): void;
  renderCellOutputs(index: number): void;
  scrollToItem(...where: Parameters<Notebook['scrollToItem']>): Promise<void>;
  _runOnIdleTime(milliseconds?: number): Promise<void>;
  _setupContentVisibilityObserver(): void;
  _syncCellTrust(cell?: Cell): void;
  _updateNotebookConfig(): void;
}

export const StockNotebook = Notebook as unknown as new (
  options: Notebook.IOptions
) => IStockNotebook;

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

/** Members of `CodeCell`. */
interface ICode {
  _rendermime: IRenderMimeRegistry;
}

/** Members of `OutputArea`. */
interface IOutputs {
  _insertOutput(index: number, model: ReturnType<OutputArea['model']['get']>): void;
}

/** The registry with which a code cell draws what it draws by itself. */
export function setRegistry(cell: CodeCell, rendermime: IRenderMimeRegistry): void {
  (cell as unknown as ICode)._rendermime = rendermime;
}

/** Draw one of an area's outputs, at its place among the others. */
export function insertOutput(area: OutputArea, index: number): void {
  (area as unknown as IOutputs)._insertOutput(index, area.model.get(index));
}

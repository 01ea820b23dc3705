/** Cells that are made empty, and filled when they come near: editor, prompt, outputs and all. */

import { type Cell, CodeCell, MarkdownCell, RawCell } from '@jupyterlab/cells';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { Message } from '@lumino/messaging';
import { type IStockCell, insertOutput, setRegistry } from './stock';

/** A cell that can be attached without being filled. */
export interface ILateCell extends Cell {
  /** Whether it stays empty when it is attached. */
  waits: boolean;
  /** Fill it, if it is empty. */
  fill(): void;
}

export function isLate(cell: Cell): cell is ILateCell {
  return 'waits' in cell;
}

/** Add what such cells have in common to one of the stock classes. */
function late<C extends new (options: any) => Cell>(Stock: C) {
  const Base = Stock as unknown as new (options: unknown) => IStockCell;
  class Late extends Base {
    waits = false;

    /** An empty cell is not in view, wherever it is: whoever needs its editor waits for it. */
    override get inViewport(): boolean {
      return super.inViewport;
    }
    override set inViewport(value: boolean) {
      super.inViewport = value && !this.placeholder;
    }

    fill(): void {
      if (this.isDisposed || !this.placeholder) {
        return;
      }
      this.waits = false;
      this.placeholder = false;
      if (this.isAttached) {
        this.inViewport = true;
        this.update();
      }
    }

    override onBeforeAttach(message: Message): void {
      if (!this.waits) {
        this.fill();
        super.onBeforeAttach(message);
      }
    }

    override onAfterAttach(message: Message): void {
      if (!this.waits) {
        super.onAfterAttach(message);
      }
    }

    override onUpdateRequest(message: Message): void {
      if (!this.waits) {
        super.onUpdateRequest(message);
      }
    }
  }
  return Late as unknown as new (
    ...options: ConstructorParameters<C>
  ) => InstanceType<C> & ILateCell;
}

export const LateMarkdownCell = late(MarkdownCell);
export const LateRawCell = late(RawCell);

/**
 * A code cell whose outputs are not drawn either until it is filled.
 *
 * The stock cell draws them when it is made. Until then its output area gets a registry that
 * knows no type of data, so that it has an empty widget in each output's place.
 */
export class LateCodeCell extends late(CodeCell) {
  constructor(options: CodeCell.IOptions) {
    const { rendermime } = options;
    const none = options.placeholder === false ? rendermime : Object.create(rendermime);
    if (none !== rendermime) {
      none.preferredMimeType = () => undefined;
    }
    super({ ...options, rendermime: none });
    setRegistry(this, rendermime);
    this._none = none === rendermime ? null : none;
  }

  override fill(): void {
    if (this._none && !this.isDisposed) {
      delete (this._none as Partial<IRenderMimeRegistry>).preferredMimeType;
      this._none = null;
      const { model, layout, maxNumberOutputs } = this.outputArea;
      for (let index = 0; index < Math.min(model.length, maxNumberOutputs); index++) {
        layout.widgets[index].dispose();
        insertOutput(this.outputArea, index);
      }
    }
    super.fill();
  }

  private _none: IRenderMimeRegistry | null;
}

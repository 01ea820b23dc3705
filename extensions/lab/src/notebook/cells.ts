/** Cells that are made empty, and filled when they come near: editor, prompt, outputs and all. */

import { type Cell, CodeCell, MarkdownCell, RawCell } from '@jupyterlab/cells';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import type { IStockCell, IStockOutputs } from './stock';

/** A cell that can be attached without being filled. */
export interface ILateCell extends Cell {
  /** Whether it stays empty when it is attached. */
  waits: boolean;
  /** Fill it, if it is empty. */
  fill(): void;
  /** Whether it is filled, and all that is drawn later is there as well. */
  isDrawn(): boolean;
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
        // What it does when it is attached, it has not done: listen for what is dropped, say.
        this.onAfterAttach(Widget.Msg.AfterAttach);
      }
    }

    isDrawn(): boolean {
      return !this.placeholder;
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

export const LateRawCell = late(RawCell);

/** A text is drawn some time after its cell is filled; until then its editor is in its place. */
export class LateMarkdownCell extends late(MarkdownCell) {
  override isDrawn(): boolean {
    return super.isDrawn() && (!this.rendered || this.renderer.isAttached);
  }
}

/** A code cell whose outputs are not drawn either until it is filled, or somebody looks for them. */
export class LateCodeCell extends late(CodeCell) {
  constructor(options: CodeCell.IOptions) {
    const now = options.placeholder === false;
    super(now ? options : { ...options, maxNumberOutputs: NONE });
    if (!now) {
      this.maxNumberOutputs = options.maxNumberOutputs;
      this._followStreams();
      this._drawBeforeRequests();
    }
  }

  override fill(): void {
    if (!this.isDisposed && this.isPlaceholder()) {
      this._drawOutputs();
      // Where it would be drawn is not high yet; the stock cell has done it long ago, for nothing.
      requestAnimationFrame(() => this.isDisposed || this.updatePromptOverlayIcon());
    }
    super.fill();
  }

  /** Who asks for headings looks for them in the outputs. */
  override async getHeadings(): Promise<Cell.IHeading[]> {
    const headings = await super.getHeadings();
    if (headings.length > 0 && !this.isDisposed) {
      this._drawOutputs();
    }
    return headings;
  }

  private _drawOutputs(): void {
    const { outputArea, maxNumberOutputs } = this;
    if (outputArea.maxNumberOutputs === NONE) {
      const area = outputArea as unknown as IStockOutputs;
      area._maxNumberOutputs = maxNumberOutputs ?? Number.POSITIVE_INFINITY;
      for (let index = 0; index < outputArea.model.length; index++) {
        area._insertOutput(index, outputArea.model.get(index));
      }
    }
  }

  /** What asks for input is put after the outputs: the stock output area counts on them. */
  private _drawBeforeRequests(): void {
    const area = this.outputArea as unknown as IStockOutputs;
    const { onInputRequest } = area;
    area.onInputRequest = (...request) => {
      this._drawOutputs();
      onInputRequest.apply(area, request);
    };
  }

  /** What the stock output area does for those outputs only that it draws when it is made. */
  private _followStreams(): void {
    const area = this.outputArea as unknown as IStockOutputs;
    const { outputs } = this.model;
    for (let index = 0; index < outputs.length; index++) {
      const output = outputs.get(index);
      output.streamText?.changed.connect(() => area._setOutput(index, output), area);
    }
  }
}

/** As the greatest number of outputs: not even the note that there are more. */
const NONE = -1;

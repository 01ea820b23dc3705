/**
 * Keeps what is in view where it is while cells above it get their true heights.
 *
 * Browsers can do that, but the stock style sheet lets them hold on to the active cell only.
 */
export class Settling {
  constructor(private readonly _outer: HTMLElement) {}

  dispose(): void {
    this._observer.disconnect();
  }

  /** From now on make up for changes of this cell's height, which is so much. */
  begin(node: HTMLElement, height: number): void {
    this._heights.set(node, height);
    this._observer.observe(node);
    this._outer.style.overflowAnchor = 'none'; // it would be made up for twice
  }

  /** Its height is settled when the next frame has been drawn. */
  async end(node: HTMLElement): Promise<void> {
    if (!this._heights.has(node)) {
      return;
    }
    await nextFrame();
    await nextFrame();
    this._observer.unobserve(node);
    this._heights.delete(node);
    if (this._heights.size === 0) {
      this._outer.style.overflowAnchor = '';
    }
  }

  private _onResize(entries: readonly ResizeObserverEntry[]): void {
    const { top } = this._outer.getBoundingClientRect();
    let shift = 0;
    for (const { target } of entries) {
      const before = this._heights.get(target);
      const box = target.getBoundingClientRect();
      if (before !== undefined && box.top < top) {
        shift += box.height - before;
      }
      this._heights.set(target, box.height);
    }
    if (shift !== 0) {
      this._outer.scrollTop += shift;
    }
  }

  private readonly _heights = new Map<Element, number>();
  private readonly _observer = new ResizeObserver(entries => this._onResize(entries));
}

/** Resolves with the next frame, or soon: a page that nobody sees has none. */
export function nextFrame(): Promise<unknown> {
  return new Promise(resolve => {
    requestAnimationFrame(resolve);
    setTimeout(resolve, 100);
  });
}

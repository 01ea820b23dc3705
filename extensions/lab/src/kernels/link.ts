/** The page's link to the server: whether it holds, and when it is tried again. */

import { PromiseDelegate } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

/** What a request for a sign of life has led to; `refused`: it does not know who we are. */
export type Answer = 'up' | 'down' | 'refused';

/** The server cannot be reached, as far as anybody knows. */
export interface IOutage {
  /** How often it was tried in vain. */
  readonly tries: number;
  /** When it is tried next, in milliseconds since 1970; null while it is. */
  readonly next: number | null;
  readonly refused: boolean;
}

/** A connection that is lost, and can be opened again. */
export interface ILine {
  readonly isDown: boolean;
  /** Open it; resolves when that has worked or failed, if it is ever known. */
  reconnect(): Promise<void>;
}

export interface ILink {
  /** Null while the link holds. */
  readonly outage: IOutage | null;
  readonly changed: ISignal<ILink, void>;
  /** The server has answered; connections may still be lost. */
  readonly answered: ISignal<ILink, void>;
  /** Somebody could not reach the server. Resolves when it has answered. */
  suspect(): Promise<void>;
  /** A connection is lost, and nobody else opens it again. */
  lost(line: ILine): void;
  /** Try now, if the link does not hold. */
  retry(): void;
}

export const LONGEST_PAUSE = 30_000;
const FIRST_PAUSE = 1_000;

/** How long a line has to open before it counts as down. */
const PATIENCE = 10_000;

/** How long to wait after so many tries in vain. */
export function pause(tries: number): number {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1));
}

/** Asks for a sign of life until there is one, with growing pauses, for as long as it takes. */
export class Link implements ILink, IDisposable {
  constructor(ask: () => Promise<Answer>) {
    this._ask = ask;
    window.addEventListener('online', this);
    document.addEventListener('visibilitychange', this);
  }

  get outage(): IOutage | null {
    return this._outage;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get answered(): ISignal<this, void> {
    return this._answered;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  suspect(): Promise<void> {
    this._waiting ??= new PromiseDelegate<void>();
    const answered = this._waiting.promise;
    if (!this._outage) {
      void this._try();
    }
    return answered;
  }

  lost(line: ILine): void {
    this._lines.add(line);
    if (!this._outage) {
      void this._try();
    }
  }

  retry(): void {
    if (this._outage) {
      void this._try();
    }
  }

  /** Somebody is back at the page, or the network is. */
  handleEvent(): void {
    if (document.visibilityState === 'visible') {
      this.retry();
    }
  }

  dispose(): void {
    this._isDisposed = true;
    clearTimeout(this._timer);
    window.removeEventListener('online', this);
    document.removeEventListener('visibilitychange', this);
    Signal.clearData(this);
  }

  private async _try(): Promise<void> {
    if (this._isTrying || this._isDisposed) {
      return;
    }
    this._isTrying = true;
    clearTimeout(this._timer);
    const tries = this._outage?.tries ?? 0;
    if (this._outage) {
      this._set({ ...this._outage, next: null });
    }
    const answer = await this._ask();
    if (answer === 'up') {
      this._waiting?.resolve();
      this._waiting = null;
      this._answered.emit();
      await this._reopen();
    }
    this._isTrying = false;
    if (this._isDisposed) {
      return;
    }
    if (answer === 'up' && this._lines.size === 0) {
      this._set(null);
      if (this._waiting) {
        // Somebody has asked since then.
        void this._try();
      }
      return;
    }
    const wait = pause(tries + 1);
    this._timer = window.setTimeout(() => void this._try(), wait);
    this._set({ tries: tries + 1, next: Date.now() + wait, refused: answer === 'refused' });
  }

  /** Open what is down; what does not open within its time stays on the list. */
  private async _reopen(): Promise<void> {
    const lines = [...this._lines].filter(line => line.isDown);
    const opened = lines.map(line => line.reconnect().catch(() => undefined));
    if (opened.length > 0) {
      let timer: number | undefined;
      const late = new Promise(resolve => {
        timer = window.setTimeout(resolve, PATIENCE);
      });
      await Promise.race([Promise.all(opened), late]);
      clearTimeout(timer);
    }
    for (const line of this._lines) {
      if (!line.isDown) {
        this._lines.delete(line);
      }
    }
  }

  private _set(outage: IOutage | null): void {
    if (this._outage !== outage) {
      this._outage = outage;
      this._changed.emit();
    }
  }

  private readonly _ask: () => Promise<Answer>;
  private readonly _lines = new Set<ILine>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _answered = new Signal<this, void>(this);
  private _waiting: PromiseDelegate<void> | null = null;
  private _outage: IOutage | null = null;
  private _isTrying = false;
  private _isDisposed = false;
  private _timer: number | undefined;
}

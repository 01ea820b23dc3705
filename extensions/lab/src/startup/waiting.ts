/** Plugins that wait until the page is there: who activates them, and who must wait for that. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { PromiseDelegate } from '@lumino/coreutils';

/** What tells that a person is about to do something. */
const SIGNS = ['pointerdown', 'keydown', 'dragenter', 'paste'] as const;

/** Commands that the start itself runs; any other finds everything active. */
const OF_THE_START = new Set([
  'apputils:load-statedb',
  'filebrowser:activate',
  'launcher:create',
  'router:tree'
]);

/**
 * Milliseconds from the activation of the first labextension that comes later, and of all that
 * the page has itself, until commands wait no longer: one of them may be what an activation
 * waits for.
 */
const GRACE = 500;

/** A browser that is never idle is taken to be after this many milliseconds. */
const BUSY = 1000;

/**
 * The plugins that wait, in the order in which they are activated; after them come the
 * labextensions that the page has started without: `takeIn` asks for those.
 *
 * A command waits for `patience` (milliseconds) at most: it may be run by a plugin that it
 * waits for.
 */
export class Waiting {
  constructor(
    private readonly _app: Pick<
      JupyterFrontEnd,
      'activatePlugin' | 'commands' | 'isPluginActivated'
    >,
    ids: readonly string[],
    private readonly _patience: number,
    private readonly _takeIn: () => Promise<void> = async () => undefined
  ) {
    this._open = [...ids];
    for (const sign of SIGNS) {
      window.addEventListener(sign, this._onSign, { capture: true, once: true });
    }
    this._guardCommands();
  }

  /** Activate them all at once and take in the rest, unless that is under way. */
  now(): Promise<void> {
    this._all ??= Promise.allSettled([this._own(), Promise.resolve().then(this._takeIn)]).then(() =>
      this._end()
    );
    return this._all;
  }

  /** Activate them one after another whenever the browser has nothing to do, then take in the rest. */
  async whenIdle(): Promise<void> {
    this._isThere = true;
    while (this._open.length > 0) {
      const deadline = await idle();
      do {
        this._current = this._activate(this._open.splice(0, 1));
        await this._current;
      } while (deadline.timeRemaining() > 0 && this._open.length > 0);
    }
    await this.now();
  }

  /** One of those that come later is about to be activated; those of the page may be slower. */
  lateOneActivates(): void {
    void this._own().then(() => setTimeout(() => this._release(), GRACE));
  }

  /** Activate those of the page itself. */
  private _own(): Promise<unknown> {
    this._owned ??= Promise.all([this._current, this._activate(this._open.splice(0))]);
    return this._owned;
  }

  private async _activate(ids: string[]): Promise<void> {
    // Whatever goes wrong is on the host's records.
    await Promise.allSettled(ids.map(id => this._app.activatePlugin(id)));
  }

  private _end(): void {
    for (const sign of SIGNS) {
      window.removeEventListener(sign, this._onSign, { capture: true });
    }
    this._release();
  }

  /**
   * Commands wait until all are active: what they open is then what it always is. Those that
   * are not there yet cannot have changed.
   */
  private _guardCommands(): void {
    const { commands } = this._app;
    const { execute, notifyCommandChanged } = commands;
    const notify: typeof notifyCommandChanged = id => {
      if (id === undefined || commands.hasCommand(id)) {
        notifyCommandChanged.call(commands, id);
      }
    };
    const released = new PromiseDelegate<void>();
    let guarded = true;
    const guard: typeof execute = async (id, args) => {
      if (guarded && !OF_THE_START.has(id)) {
        // A plugin that runs one during the start is not to wait for what comes after that.
        const ready = this._isThere ? this.now() : this._own();
        const enough = new Promise(done => setTimeout(done, this._patience));
        await Promise.race([ready, released.promise, enough]);
      }
      return execute.call(commands, id, args);
    };
    Object.assign(commands, { execute: guard, notifyCommandChanged: notify });
    this._release = () => {
      guarded = false;
      released.resolve();
      // Unless somebody has wrapped them since.
      if (commands.execute === guard) {
        commands.execute = execute;
      }
      if (commands.notifyCommandChanged === notify) {
        commands.notifyCommandChanged = notifyCommandChanged;
      }
    };
  }

  private readonly _onSign = (): void => void this.now();
  private readonly _open: string[];
  private _release: () => void = () => undefined;
  private _current: Promise<void> = Promise.resolve();
  private _isThere = false;
  private _owned: Promise<unknown> | null = null;
  private _all: Promise<void> | null = null;
}

/** Resolves when the browser has nothing to do. */
function idle(): Promise<Pick<IdleDeadline, 'timeRemaining'>> {
  return new Promise(
    resolve =>
      'requestIdleCallback' in window
        ? requestIdleCallback(resolve, { timeout: BUSY })
        : setTimeout(resolve, 1, { timeRemaining: () => 0 }) // Safari
  );
}

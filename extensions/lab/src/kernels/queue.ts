/**
 * Code that is run before its kernel is ready: it waits, and runs once and in order.
 *
 * JupyterLab runs code only where a kernel is; while one is being started it drops the code and
 * reports success.
 */

import type { ISessionContext } from '@jupyterlab/apputils';
import { PromiseDelegate } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { KernelDialogs } from './dialogs';
import { isOver } from './state';

/** What can be run: told when it has to wait, and when it will not run. */
export interface IWork {
  run(): Promise<boolean>;
  wait(): void;
  drop(): void;
}

interface ITicket {
  readonly work: IWork;
  readonly done: PromiseDelegate<boolean>;
}

/** The lines in which code waits, one for each session context. */
export class KernelQueue {
  constructor(dialogs: KernelDialogs) {
    this._dialogs = dialogs;
  }

  /**
   * Run it now, or when the kernel is ready; where there is none and none is coming, get one.
   *
   * Returns what the run returns; false when it was dropped.
   */
  run(context: ISessionContext, work: IWork): Promise<boolean> {
    const line = this._lines.get(context);
    if (!line && this._isReady(context)) {
      return work.run();
    }
    const ticket = { work, done: new PromiseDelegate<boolean>() };
    work.wait();
    if (line) {
      line.push(ticket);
    } else {
      const begun = [ticket];
      this._lines.set(context, begun);
      void this._serve(context, begun);
    }
    return ticket.done.promise;
  }

  /** Forget all that waits for the kernel of this session context. */
  drop(context: ISessionContext): void {
    for (const { work, done } of this._lines.get(context)?.splice(0) ?? []) {
      work.drop();
      done.resolve(false);
    }
  }

  private async _serve(context: ISessionContext, line: ITicket[]): Promise<void> {
    let hasWaited = false;
    let hasAsked = false;
    while (line.length > 0 && !context.isDisposed && !this._isReady(context)) {
      if (this._isComing(context)) {
        hasWaited = true;
        await this._change(context);
      } else if (!hasAsked) {
        hasAsked = true;
        await this._get(context, hasWaited);
      } else {
        break;
      }
    }
    if (context.isDisposed || !this._isReady(context)) {
      this.drop(context);
    }
    this._lines.delete(context);
    // Without a pause in between: code that is run next must come after it.
    for (const { work, done } of line.splice(0)) {
      done.resolve(work.run());
    }
  }

  /** Get a kernel where there is none; who waited for one in vain is asked for another. */
  private async _get(context: ISessionContext, inVain: boolean): Promise<void> {
    try {
      const kernel = context.session?.kernel;
      if (kernel && !inVain) {
        await context.changeKernel({ name: kernel.name });
      } else if (inVain || (await context.startKernel())) {
        await this._dialogs.selectKernel(context);
      }
    } catch {
      // The session context has shown why.
    }
  }

  private _isReady(context: ISessionContext): boolean {
    const kernel = context.session?.kernel;
    return !!kernel && !isOver(kernel) && !this._isComing(context);
  }

  private _isComing(context: ISessionContext): boolean {
    const status = context.kernelDisplayStatus;
    if (context.isRestarting || status === 'starting') {
      return true;
    }
    const kernel = context.session?.kernel;
    if (kernel) {
      // Before it was heard once: JupyterLab would keep the code, and no interrupt reach it.
      return kernel.connectionStatus === 'connecting' && kernel.status === 'unknown';
    }
    // It says "initializing" for ever if nobody knew which kernel to start, and it was asked.
    return !context.hasNoKernel || (status === 'initializing' && !this._dialogs.hasAsked(context));
  }

  /** Wait until something has changed. */
  private _change(context: ISessionContext): Promise<void> {
    const signals: ISignal<unknown, unknown>[] = [
      context.statusChanged,
      context.connectionStatusChanged,
      context.kernelChanged,
      context.sessionChanged,
      context.disposed,
      this._dialogs.asking
    ];
    return new Promise(resolve => {
      const settle = () => {
        for (const signal of signals) {
          signal.disconnect(settle);
        }
        resolve();
      };
      for (const signal of signals) {
        signal.connect(settle);
      }
    });
  }

  private readonly _dialogs: KernelDialogs;
  private readonly _lines = new Map<ISessionContext, ITicket[]>();
}

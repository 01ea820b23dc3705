/**
 * The dialogs about kernels: each question is asked once, and a dead kernel can be restarted.
 *
 * The stock dialogs ask anew for everyone who wants a kernel, and restart only what lives.
 */

import {
  type ISessionContext,
  ISessionContextDialogs,
  SessionContextDialogs
} from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';
import type { IPlugin } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';
import { isOver } from './state';

/** The stock dialogs, for everyone who asks at a time. */
export class KernelDialogs extends SessionContextDialogs {
  /** Somebody is asked for a kernel. */
  get asking(): ISignal<this, ISessionContext> {
    return this._asking;
  }

  /** Whether somebody was ever asked for this one's kernel. */
  hasAsked(context: ISessionContext): boolean {
    return this._asked.has(context);
  }

  /** Ask for a kernel; whoever wants it to be asked meanwhile gets the same answer. */
  override selectKernel(context: ISessionContext): Promise<void> {
    const open = this._open.get(context);
    if (open) {
      return open;
    }
    const answer = super.selectKernel(context).finally(() => this._open.delete(context));
    this._open.set(context, answer);
    this._asked.add(context);
    this._asking.emit(context);
    return answer;
  }

  override async restart(
    context: ISessionContext,
    options?: ISessionContext.IRestartOptions
  ): Promise<boolean> {
    const kernel = context.session?.kernel;
    if (kernel && isOver(kernel)) {
      // There are no variables to lose, so there is nothing to ask.
      await options?.onBeforeRestart();
      await context.changeKernel({ name: kernel.name });
      return true;
    }
    return super.restart(context, options);
  }

  private readonly _open = new Map<ISessionContext, Promise<void>>();
  private readonly _asked = new WeakSet<ISessionContext>();
  private readonly _asking = new Signal<this, ISessionContext>(this);
}

/** Takes the place of the stock plugin of the same id. */
export const sessionDialogs: IPlugin<unknown, ISessionContextDialogs> = {
  id: '@jupyterlab/apputils-extension:sessionDialogs',
  description: 'Provides the session context dialogs.',
  autoStart: true,
  provides: ISessionContextDialogs,
  optional: [ITranslator, ISettingRegistry],
  activate: (
    _app: unknown,
    translator: ITranslator | null,
    settingRegistry: ISettingRegistry | null
  ) => new KernelDialogs({ translator: translator ?? undefined, settingRegistry })
};

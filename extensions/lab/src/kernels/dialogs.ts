/**
 * The dialogs about kernels: each question is asked once and says why, and a dead kernel can be
 * restarted.
 *
 * The stock dialogs ask anew for everyone who wants a kernel, do not say that there is none of the
 * name that a notebook has for its own, and restart only what lives.
 */

import {
  Dialog,
  type ISessionContext,
  ISessionContextDialogs,
  SessionContextDialogs
} from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { IPlugin } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';
import { isOver } from './state';

/** The stock dialogs, for everyone who asks at a time. */
export class KernelDialogs extends SessionContextDialogs {
  constructor(options?: ISessionContext.IDialogsOptions) {
    super(options);
    this._trans = (options?.translator ?? nullTranslator).load('jupyterlab');
  }

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
    const answer = this._select(context).finally(() => this._open.delete(context));
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

  /** The stock question, and why it is asked where that is not plain to see. */
  private _select(context: ISessionContext): Promise<void> {
    const why = missingKernel(context, this._trans);
    const explain = (_: unknown, dialog: Dialog<unknown>): void => {
      const text = document.createElement('p');
      text.textContent = why;
      dialog.node.querySelector('.jp-Dialog-body')?.prepend(text);
    };
    const { widgetAdded } = Dialog.tracker;
    if (why) {
      widgetAdded.connect(explain);
    }
    const answer = super.selectKernel(context);
    widgetAdded.disconnect(explain);
    return answer;
  }

  private readonly _trans: TranslationBundle;
  private readonly _open = new Map<ISessionContext, Promise<void>>();
  private readonly _asked = new WeakSet<ISessionContext>();
  private readonly _asking = new Signal<this, ISessionContext>(this);
}

/** What to say of a kernel that is wanted and not there; nothing while there is another one. */
function missingKernel(context: ISessionContext, trans: TranslationBundle): string {
  const { name, language } = context.kernelPreference;
  const specs = context.specsManager.specs?.kernelspecs;
  if (!name || !specs || name in specs || context.session?.kernel) {
    return '';
  }
  const kernel = language ? `“${name}” (${language})` : `“${name}”`;
  return trans.__('There is no kernel %1 here.', kernel);
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

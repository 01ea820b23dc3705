/**
 * What a kernel has asked somebody who is not there any more, as a dialog.
 *
 * A question belongs to the request that has led to it, and JupyterLab shows it with the cell that
 * was run. When that page is gone the server asks the others, and whoever comes; the kernel waits.
 */

import { Dialog } from '@jupyterlab/apputils';
import { IKernelManager, ISessionManager, type Kernel, type Session } from '@jupyterlab/services';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { IPlugin } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import { type IQuestion, LinkedKernels } from './connections';
import { placeOfKernel } from './places';

/** A field for the answer, under what is asked. */
class Question extends Widget implements Dialog.IBodyWidget<string> {
  constructor(prompt: string, isSecret: boolean) {
    super({ node: document.createElement('label') });
    this.addClass('ph-Question');
    this._field.type = isSecret ? 'password' : 'text';
    this._field.autocomplete = 'off';
    this._field.className = 'jp-mod-styled';
    this.node.append(prompt, this._field);
  }

  getValue(): string {
    return this._field.value;
  }

  private readonly _field = document.createElement('input');
}

/** Shows the dialogs, one for each question: several connections of a page tell of it. */
class Questions {
  constructor(sessions: Session.IManager, trans: TranslationBundle) {
    this._sessions = sessions;
    this._trans = trans;
  }

  async ask({ kernel, message }: IQuestion): Promise<void> {
    const { msg_id: id } = message.header;
    if (this._open.has(id)) {
      return;
    }
    this._open.add(id);
    const { prompt, password } = message.content;
    const dialog = new Dialog({
      title: this._trans.__('The kernel for %1 asks', placeOfKernel(this._sessions, kernel.id)),
      body: new Question(prompt, password),
      focusNodeSelector: 'input',
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: this._trans.__('Answer') })]
    });
    const asker = 'msg_id' in message.parent_header ? message.parent_header.msg_id : '';
    const follow = (_: unknown, { msg, direction }: Kernel.IAnyMessageArgs): void => {
      if (direction === 'recv' && endsWaiting(msg, asker)) {
        dialog.reject(); // somebody has answered, or nobody waits any more
      }
    };
    kernel.anyMessage.connect(follow);
    try {
      const { button, value } = await dialog.launch();
      if (button.accept && !kernel.isDisposed) {
        kernel.sendInputReply({ status: 'ok', value: value ?? '' }, message.header);
      }
    } finally {
      kernel.anyMessage.disconnect(follow);
      this._open.delete(id);
    }
  }

  private readonly _sessions: Session.IManager;
  private readonly _trans: TranslationBundle;
  private readonly _open = new Set<string>();
}

/** Whether a kernel says that it is done with a request, or with everything. */
function endsWaiting(
  { header, parent_header: parent, content }: Kernel.IAnyMessageArgs['msg'],
  asker: string
): boolean {
  if (header.msg_type !== 'status') {
    return false;
  }
  const { execution_state: state } = content as { execution_state: string };
  const isItsOwn = 'msg_id' in parent && parent.msg_id === asker;
  return state === 'restarting' || state === 'dead' || (state === 'idle' && isItsOwn);
}

export const questions: IPlugin<unknown, void> = {
  id: '@plughost/lab:kernel-questions',
  description: 'Asks what a kernel has asked a page that is closed by now.',
  autoStart: true,
  requires: [IKernelManager, ISessionManager],
  optional: [ITranslator],
  activate: (
    _app: unknown,
    kernels: Kernel.IManager,
    sessions: Session.IManager,
    translator: ITranslator | null
  ) => {
    const asked = new Questions(sessions, (translator ?? nullTranslator).load('jupyterlab'));
    if (kernels instanceof LinkedKernels) {
      kernels.onQuestion(question => void asked.ask(question));
    }
  }
};

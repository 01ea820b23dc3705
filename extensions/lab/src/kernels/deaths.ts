/** Why a kernel died: one dialog for each kernel, with what the server knows of it. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { Session } from '@jupyterlab/services';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { IPlugin } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import { type IDeath, LinkedKernels } from './connections';
import { silence } from './stock';

/** Tells of one kernel's deaths; the latest of them counts. */
class DeathNote extends Widget {
  constructor(place: string, trans: TranslationBundle) {
    super();
    this.addClass('ph-DeathNote');
    this._place = place;
    this._trans = trans;
  }

  tell(death: IDeath): void {
    const { isRestarting, reason, stderr } = death;
    const told = isRestarting
      ? this._trans.__(
          'The kernel for %1 appears to have died. It will restart automatically.',
          this._place
        )
      : this._trans.__('The kernel for %1 has died. Restart it to go on.', this._place);
    this.node.replaceChildren(paragraph(told), paragraph(this._trans.__('Reason: %1', reason)));
    // ipykernel warns at each start.
    if (stderr.some(line => !line.includes('WARNING'))) {
      const lines = document.createElement('pre');
      lines.textContent = stderr.join('\n');
      lines.tabIndex = 0; // it scrolls
      this.node.append(paragraph(this._trans.__('What it last wrote to stderr:')), lines);
    }
  }

  private readonly _place: string;
  private readonly _trans: TranslationBundle;
}

function paragraph(text: string): HTMLParagraphElement {
  const node = document.createElement('p');
  node.textContent = text;
  return node;
}

/** Shows the dialogs: one that is open already tells of the next death, too. */
class Deaths {
  constructor(sessions: Session.IManager, trans: TranslationBundle) {
    this._sessions = sessions;
    this._trans = trans;
  }

  tell(death: IDeath): void {
    const open = this._open.get(death.id);
    if (open) {
      open.tell(death);
      return;
    }
    const note = new DeathNote(this._place(death.id), this._trans);
    note.tell(death);
    this._open.set(death.id, note);
    const dialog = new Dialog({
      title: death.isRestarting
        ? this._trans.__('Kernel Restarting')
        : this._trans.__('Kernel Died'),
      body: note,
      buttons: [Dialog.okButton({ label: this._trans.__('Ok') })]
    });
    void dialog
      .launch()
      .catch(() => undefined)
      .finally(() => this._open.delete(death.id));
  }

  /** The path or name under which a person knows a kernel. */
  private _place(id: string): string {
    for (const { kernel, type, path, name } of this._sessions.running()) {
      if (kernel?.id === id) {
        return type === 'console' ? name : path;
      }
    }
    return id;
  }

  private readonly _sessions: Session.IManager;
  private readonly _trans: TranslationBundle;
  private readonly _open = new Map<string, DeathNote>();
}

export const deaths: IPlugin<JupyterFrontEnd, void> = {
  id: 'plughost-lab:kernel-deaths',
  description: 'Says why a kernel died.',
  autoStart: true,
  optional: [INotebookTracker, ITranslator],
  activate: (
    { serviceManager }: JupyterFrontEnd,
    notebooks: INotebookTracker | null,
    translator: ITranslator | null
  ) => {
    const { kernels, sessions } = serviceManager;
    if (!(kernels instanceof LinkedKernels)) {
      return; // a stranger's kernels do not say
    }
    const told = new Deaths(sessions, (translator ?? nullTranslator).load('jupyterlab'));
    kernels.died.connect((_, death) => told.tell(death));
    notebooks?.forEach(silence);
    notebooks?.widgetAdded.connect((_, panel) => silence(panel));
  }
};

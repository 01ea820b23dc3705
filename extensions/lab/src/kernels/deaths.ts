/** Why a kernel died: one dialog for each kernel, with what the server knows of it. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, type ISessionContext } from '@jupyterlab/apputils';
import { IConsoleTracker } from '@jupyterlab/console';
import { INotebookTracker } from '@jupyterlab/notebook';
import { type Session, SessionAPI } from '@jupyterlab/services';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { IPlugin } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import { type IDeath, LinkedKernels } from './connections';
import { placeOf, placeOfKernel } from './places';
import { silence, tellOfStillborn } from './stock';
import { ILink } from './tokens';

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

  /** `place`: the path or name under which a person knows the kernel. */
  tell(death: IDeath, place = placeOfKernel(this._sessions, death.id)): void {
    const open = this._open.get(death.id);
    if (open) {
      open.tell(death);
      return;
    }
    const note = new DeathNote(place, this._trans);
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

  private readonly _sessions: Session.IManager;
  private readonly _trans: TranslationBundle;
  private readonly _open = new Map<string, DeathNote>();
}

/** Tells of kernels that are not there any more when the server is back. */
function tellOfMissing(
  link: ILink,
  sessions: Session.IManager,
  missing: (model: Session.IModel) => void
): void {
  let before: Session.IModel[] | null = null;
  link.changed.connect(() => {
    if (link.outage) {
      before ??= [...sessions.running()];
    }
  });
  link.answered.connect(async () => {
    before ??= [...sessions.running()];
    let now: Session.IModel[];
    try {
      // Not the manager's own list: nobody could tell whether that is a new one.
      now = await SessionAPI.listRunning(sessions.serverSettings);
    } catch {
      return; // a server that is starting may have none to show yet, and will answer again
    }
    const there = new Set(now.map(({ kernel }) => kernel?.id));
    const known = before ?? [];
    before = null;
    known.filter(({ kernel }) => kernel && !there.has(kernel.id)).forEach(missing);
  });
}

export const deaths: IPlugin<JupyterFrontEnd, void> = {
  id: '@plughost/lab:kernel-deaths',
  description: 'Says why a kernel died.',
  autoStart: true,
  requires: [ILink],
  optional: [INotebookTracker, IConsoleTracker, ITranslator],
  activate: (
    { serviceManager }: JupyterFrontEnd,
    link: ILink,
    notebooks: INotebookTracker | null,
    consoles: IConsoleTracker | null,
    translator: ITranslator | null
  ) => {
    const { kernels, sessions } = serviceManager;
    if (!(kernels instanceof LinkedKernels)) {
      return; // a stranger's kernels do not say
    }
    const trans = (translator ?? nullTranslator).load('jupyterlab');
    const told = new Deaths(sessions, trans);
    kernels.died.connect((_, death) => told.tell(death));
    tellOfMissing(link, sessions, session => {
      const id = session.kernel?.id ?? '';
      const reason = trans.__('it has ended while the server could not be reached');
      told.tell({ id, isRestarting: false, reason, stderr: [] }, placeOf(session));
    });
    notebooks?.forEach(silence);
    notebooks?.widgetAdded.connect((_, panel) => silence(panel));
    const follow = ({ sessionContext }: { readonly sessionContext: ISessionContext }) => {
      tellOfStillborn(sessionContext);
      sessionContext.kernelChanged.connect(tellOfStillborn);
    };
    notebooks?.forEach(follow);
    notebooks?.widgetAdded.connect((_, panel) => follow(panel));
    consoles?.forEach(follow);
    consoles?.widgetAdded.connect((_, panel) => follow(panel));
  }
};

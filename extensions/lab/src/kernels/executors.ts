/** Cells of notebooks and consoles, run through the queue, and the interrupt that empties it. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { type ISessionContext, ISessionContextDialogs } from '@jupyterlab/apputils';
import type { ICodeCellModel } from '@jupyterlab/cells';
import { IEditorServices } from '@jupyterlab/codeeditor';
import {
  CodeConsole,
  ConsolePanel,
  IConsoleCellExecutor,
  IConsoleTracker,
  runCell as runInConsole
} from '@jupyterlab/console';
import {
  INotebookCellExecutor,
  INotebookTracker,
  runCell as runInNotebook
} from '@jupyterlab/notebook';
import type { IPlugin } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { KernelDialogs } from './dialogs';
import { type IWork, KernelQueue } from './queue';
import { keepUntilKernel } from './stock';
import { IKernelQueue } from './tokens';

/** Work on a cell, which shows `[*]` while it waits. */
function work(
  cell: IDisposable & { readonly model: ICodeCellModel },
  run: () => Promise<boolean>
): IWork {
  const show = (state: 'running' | 'idle') => {
    if (!cell.isDisposed) {
      cell.model.executionState = state;
    }
  };
  return { run, wait: () => show('running'), drop: () => show('idle') };
}

export const kernelQueue: IPlugin<unknown, KernelQueue> = {
  id: '@plughost/lab:kernel-queue',
  description: 'Provides the queue in which code waits for its kernel.',
  autoStart: true,
  provides: IKernelQueue,
  requires: [ISessionContextDialogs],
  activate: (_app: unknown, dialogs: ISessionContextDialogs) =>
    new KernelQueue(dialogs instanceof KernelDialogs ? dialogs : new KernelDialogs())
};

/** Takes the place of the stock plugin of the same id. */
export const notebookExecutor: IPlugin<unknown, INotebookCellExecutor> = {
  id: '@jupyterlab/notebook-extension:cell-executor',
  description: 'Runs cells of notebooks as soon as there is a kernel.',
  autoStart: true,
  provides: INotebookCellExecutor,
  requires: [IKernelQueue],
  activate: (_app: unknown, queue: KernelQueue): INotebookCellExecutor => ({
    runCell: options => {
      const { cell, sessionContext } = options;
      if (cell.model.type !== 'code' || !sessionContext || sessionContext.isTerminating) {
        return runInNotebook(options);
      }
      const run = () => (cell.isDisposed ? Promise.resolve(false) : runInNotebook(options));
      return queue.run(sessionContext, work(cell as { model: ICodeCellModel } & typeof cell, run));
    }
  })
};

/** The console of each session context: an executor is not told. */
const consoles = new WeakMap<ISessionContext, CodeConsole>();

/** A console that takes code before there is a kernel, and when that is dead. */
class EarlyConsole extends CodeConsole {
  constructor(options: CodeConsole.IOptions) {
    super(options);
    consoles.set(options.sessionContext, this);
    keepUntilKernel(this);
  }

  override async execute(force = false, timeout?: number): Promise<void> {
    const kernel = this.sessionContext.session?.kernel;
    const prompt = this.promptCell?.model.sharedModel;
    if (kernel?.status === 'dead' && prompt) {
      const code = prompt.getSource();
      prompt.setSource('');
      return this.inject(code);
    }
    // Without a kernel nobody knows whether the code is complete.
    return super.execute(force || !kernel, timeout);
  }
}

class EarlyContentFactory extends ConsolePanel.ContentFactory {
  override createConsole(options: CodeConsole.IOptions): CodeConsole {
    return new EarlyConsole(options);
  }
}

/** Takes the place of the stock plugin of the same id. */
export const consoleFactory: IPlugin<unknown, ConsolePanel.IContentFactory> = {
  id: '@jupyterlab/console-extension:factory',
  description: 'Provides consoles that take code before there is a kernel.',
  autoStart: true,
  provides: ConsolePanel.IContentFactory,
  requires: [IEditorServices],
  activate: (_app: unknown, { factoryService }: IEditorServices) =>
    new EarlyContentFactory({ editorFactory: factoryService.newInlineEditor })
};

/** Takes the place of the stock plugin of the same id. */
export const consoleExecutor: IPlugin<unknown, IConsoleCellExecutor> = {
  id: '@jupyterlab/console-extension:cell-executor',
  description: 'Runs code of consoles as soon as there is a kernel.',
  autoStart: true,
  provides: IConsoleCellExecutor,
  requires: [IKernelQueue],
  activate: (_app: unknown, queue: KernelQueue): IConsoleCellExecutor => ({
    runCell: options => {
      const { cell, sessionContext } = options;
      const code = cell.model.sharedModel.getSource();
      const run = async () => {
        if (!cell.isDisposed) {
          return runInConsole(options);
        }
        // A console clears itself when it gets a kernel.
        await consoles.get(sessionContext)?.inject(code);
        return true;
      };
      const done = queue.run(sessionContext, work(cell, run));
      // The console looks at the cell then, which it must not when that is gone.
      return done.then(ran => (cell.isDisposed ? new Promise<boolean>(() => {}) : ran));
    }
  })
};

export const interrupts: IPlugin<JupyterFrontEnd, void> = {
  id: '@plughost/lab:kernel-queue-interrupts',
  description: 'Drops what waits for a kernel when that is interrupted.',
  autoStart: true,
  requires: [IKernelQueue],
  optional: [INotebookTracker, IConsoleTracker],
  activate: (
    app: JupyterFrontEnd,
    queue: KernelQueue,
    notebooks: INotebookTracker | null,
    panels: IConsoleTracker | null
  ) => {
    const current: Record<string, () => ISessionContext | undefined> = {
      'notebook:interrupt-kernel': () => notebooks?.currentWidget?.sessionContext,
      'console:interrupt-kernel': () => panels?.currentWidget?.sessionContext
    };
    app.commands.commandExecuted.connect((_, { id }) => {
      const context = current[id]?.();
      if (context) {
        queue.drop(context);
      }
    });
  }
};

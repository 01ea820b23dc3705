/** Notebooks of any length, and of any age: the stock factory's plugin with notebooks of ours. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { CodeCell, MarkdownCell, RawCell } from '@jupyterlab/cells';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { type Notebook, NotebookPanel } from '@jupyterlab/notebook';
import type { IPlugin } from '@lumino/coreutils';
import { LateCodeCell, LateMarkdownCell, LateRawCell } from './cells';
import { LateNotebook } from './notebook';
import { keepUntouched } from './untouched';

class ContentFactory extends NotebookPanel.ContentFactory {
  override createNotebook(options: Notebook.IOptions): Notebook {
    return new LateNotebook(options) as unknown as Notebook;
  }

  override createCodeCell(options: CodeCell.IOptions): CodeCell {
    return new LateCodeCell(options).initializeState();
  }

  override createMarkdownCell(options: MarkdownCell.IOptions): MarkdownCell {
    return new LateMarkdownCell(options).initializeState();
  }

  override createRawCell(options: RawCell.IOptions): RawCell {
    return new LateRawCell(options).initializeState();
  }
}

/** Takes the place of the stock plugin of the same id. */
export const notebookFactory: IPlugin<JupyterFrontEnd, NotebookPanel.IContentFactory> = {
  id: '@jupyterlab/notebook-extension:factory',
  description: 'Provides the notebook and cell factory.',
  provides: NotebookPanel.IContentFactory,
  requires: [IEditorServices],
  autoStart: true,
  activate: (_app: JupyterFrontEnd, { factoryService }: IEditorServices) => {
    keepUntouched();
    return new ContentFactory({ editorFactory: factoryService.newInlineEditor });
  }
};

/**
 * A notebook that is only looked at stays as it is.
 *
 * The stock page writes what the kernel says of itself into a notebook as soon as the kernel is
 * there, the version of its language for one. The notebook counts as changed then: it is saved
 * within two minutes, closing its tab asks what to do, and version control has a difference,
 * though nobody has done anything.
 */

import type { INotebookModel } from '@jupyterlab/notebook';
import { stockPanel } from './stock';

/** Let every notebook be untouched until a person, or what they run, changes something. */
export function keepUntouched(): void {
  const { _updateLanguage, _updateSpec } = stockPanel;

  // The page needs it, for the colours of code; the next who saves the notebook saves it as well.
  stockPanel._updateLanguage = function (language) {
    const model = this.model as INotebookModel;
    const { dirty } = model;
    _updateLanguage.call(this, language);
    model.dirty = dirty;
  };

  // A notebook may call this kernel what it likes.
  stockPanel._updateSpec = async function (kernel) {
    const known = this.model?.getMetadata('kernelspec');
    if (known?.name !== kernel.name || !known.display_name) {
      await _updateSpec.call(this, kernel);
    }
  };
}

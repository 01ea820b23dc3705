/** The file browser with our list and our model in it. */

import type { DirListing, FilterFileBrowserModel } from '@jupyterlab/filebrowser';
import { FileBrowser } from '@jupyterlab/filebrowser';
import type { Event } from '@jupyterlab/services';
import { Changes } from './changes';
import { WindowedListing } from './listing';
import type { PagedModel } from './model';

export class PagedFileBrowser extends FileBrowser {
  constructor(
    options: Omit<FileBrowser.IOptions, 'model'> & { model: PagedModel; events: Event.IManager }
  ) {
    const { model, events } = options;
    super({ ...options, model: model as unknown as FilterFileBrowserModel });
    model.filterText = () => this._filterBox()?.value ?? '';
    const listing = this.listing as unknown as WindowedListing;
    const changes = new Changes(model, events, () => listing.renaming);
    this.disposed.connect(() => changes.dispose());
  }

  protected override createDirListing(options: DirListing.IOptions): DirListing {
    const model = options.model as unknown as PagedModel;
    return new WindowedListing(options, model) as unknown as DirListing;
  }

  private _filterBox(): HTMLInputElement | null {
    return this.filterToolbar.node.querySelector('.jp-FilterBox');
  }
}

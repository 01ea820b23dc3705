/** The file browser's model, which reads a long folder by pages and a short one as stock does. */

import { PathExt } from '@jupyterlab/coreutils';
import { shouldOverwrite } from '@jupyterlab/docmanager';
import type { FilterFileBrowserModel } from '@jupyterlab/filebrowser';
import type { Contents, Session } from '@jupyterlab/services';
import type { IScore } from '@jupyterlab/ui-components';
import { type Entry, Folder, type IReply, type IWhere, isWhole, PAGE } from './folder';
import { type IOrder, marked, parameters } from './query';
import type { IRange } from './rows';
import { StockModel } from './stock';

/** Milliseconds between two looks at a folder whose changes the server tells, and of any other. */
const WATCHED = 60_000;
const UNWATCHED = 10_000;

/** A model no filter of names can object to; one that does sees more than the server can. */
const PROBE: Contents.IModel = Object.freeze({
  name: 'a',
  path: 'a',
  type: 'file',
  writable: true,
  created: '',
  last_modified: '',
  mimetype: '',
  content: null,
  format: null
});

/**
 * A folder by pages, or whole.
 *
 * What fits into one page is whole: stock sorts and filters it. So is any folder of a drive that
 * knows no pages. Of a longer one `folder` has the rows; the server has sorted and filtered them,
 * and `items()` are those that have come.
 */
export class PagedModel extends StockModel {
  constructor(options: FilterFileBrowserModel.IOptions) {
    super(options);
    this._interval = options.refreshInterval;
  }

  /** The rows of a folder that is read by pages. */
  get folder(): Folder | null {
    return this._folder;
  }

  /** The order of a listing by pages; a new one is asked of the server. */
  get order(): IOrder {
    return this._order;
  }
  set order(order: IOrder) {
    const same = JSON.stringify(order) === JSON.stringify(this._order);
    this._order = order;
    if (!same && this._folder) {
      void this.refresh();
    }
  }

  /** What stands in the filter box; the browser that has one sets this. */
  filterText = (): string => '';

  /** Called whenever rows of `folder` have changed. */
  rowsChanged = (): void => undefined;

  /** When what is shown was last asked for, in milliseconds as of `performance.now()`. */
  get readAt(): number {
    return this._readAt;
  }

  override items(): IterableIterator<Contents.IModel> {
    return this._folder ? this._folder.loaded().values() : super.items();
  }

  override async cd(path = '.'): Promise<void> {
    const isRefresh = path === '.';
    const { contents } = this.manager.services;
    path = isRefresh ? (this._pendingPath ?? this.path) : contents.resolvePath(this.path, path);
    if (this._root && !this._isPathWithinRoot(path)) {
      if (!isRefresh) {
        return;
      }
      path = this._root;
    }
    while (this._pending && !this.isDisposed) {
      if (path === this._pendingPath) {
        return this._pending;
      }
      await this._pending;
    }
    if (this.isDisposed) {
      return;
    }
    this._pendingPath = path;
    this._pending = this._cd(path);
    return this._pending;
  }

  override async restore(id: string, populate = true): Promise<void> {
    if (this._key) {
      return;
    }
    this._key = `file-browser-${id}:cwd`;
    const state = this._state;
    if (populate && state) {
      const { contents, ready } = this.manager.services;
      await ready;
      try {
        const value = (await state.fetch(this._key)) as { path?: string } | undefined;
        if (value) {
          const path = value.path ?? '';
          // Stock reads the whole folder here to learn that it is there.
          await contents.get(path, { content: false });
          await this.cd(`/${contents.localPath(path)}`);
        }
      } catch {
        await state.remove(this._key);
      }
    }
    this._restored.resolve(undefined);
  }

  override setFilter(filter: (model: Contents.IModel) => Partial<IScore> | null): void {
    this._onlyHere = !this.filterText() && !filter(PROBE);
    super.setFilter(filter);
  }

  /** Upload a file, but ask before it takes the place of one that this page does not know of. */
  override async upload(file: File, path?: string): Promise<Contents.IModel> {
    if (this._folder || (file.name.startsWith('.') && !this.includeHiddenFiles)) {
      const taken = await this._has(PathExt.join(path ?? this.path, file.name));
      if (taken && !(await shouldOverwrite(file.name))) {
        throw 'File not uploaded';
      }
    }
    return super.upload(file, path);
  }

  /** The row of an entry of `folder`, by its name or the start of it, or -1. */
  async find(wanted: { at: string } | { prefix: string }): Promise<number> {
    return (await this._folder?.find(wanted)) ?? -1;
  }

  /** Say which rows of `folder` are on show; what is missing comes later. */
  show(range: IRange): void {
    this._folder?.show(range).catch(error => this.report(error));
  }

  /** Read what is missing in rows of `folder`; whether they are all there then. */
  async ensure(range: IRange): Promise<boolean> {
    const folder = this._folder;
    await folder?.ensure(range).catch(error => this.report(error));
    return folder !== null && folder === this._folder && folder.has(range);
  }

  /** Say that something could not be read. */
  report(error: Error): void {
    this._connectionFailure.emit(error);
  }

  override onRunningChanged(sender: Session.IManager, models: Iterable<Session.IModel>): void {
    this._notePaths();
    super.onRunningChanged(sender, models);
  }

  private async _cd(path: string): Promise<void> {
    const oldValue = this.path;
    const { sessions } = this.manager.services;
    if (oldValue !== path) {
      this._sessions.length = 0;
    }
    try {
      let query: string;
      do {
        query = this._query();
        await this._read(path, query);
        // More may have been typed into the filter box meanwhile.
      } while (query !== this._query() && !this.isDisposed);
      if (this.isDisposed) {
        return;
      }
      this._pendingPath = null;
      this._pending = null;
      if (oldValue !== path) {
        if (this._state && this._key) {
          void this._state.save(this._key, { path });
        }
        this._pathChanged.emit({ name: 'path', oldValue, newValue: path });
      }
      this.onRunningChanged(sessions, sessions.running());
      this._refreshed.emit();
    } catch (reason) {
      this._pendingPath = null;
      this._pending = null;
      const error = reason as Error & { response?: Response };
      const { contents } = this.manager.services;
      const fallback = contents.resolvePath(this.path, this._root || '/');
      if (error.response?.status === 404 && path !== fallback) {
        error.message = this._trans.__('Directory not found: "%1"', this.path);
        console.error(error);
        this.report(error);
        await this.cd(`/${contents.localPath(fallback)}`);
      } else {
        this.report(error);
      }
    }
  }

  /** Read a folder: what is on show of the one that is open, or the start of another. */
  private async _read(path: string, query: string): Promise<void> {
    this._readAt = performance.now();
    const text = this.filterText().trim();
    const all = this._parameters('');
    const filtered = this._parameters(text);
    const again = this._folder !== null && path === this.path && !this._onlyHere;
    if (again && this._folder && query === this._folderQuery) {
      const folder = this._folder;
      await folder.refresh();
      if (text || folder.rows.length > PAGE) {
        return;
      }
      // It has become short enough to be read whole.
    }
    // Without the filter first: whether the folder is long decides who filters.
    let parts = again && text ? filtered : all;
    let model = await this._page(path, parts, { limit: PAGE, offset: 0 });
    const whole = parts === all && isWhole(model);
    if (!whole && text && parts === all) {
      parts = filtered;
      model = await this._page(path, parts, { limit: PAGE, offset: 0 });
    }
    if (this.isDisposed) {
      return;
    }
    this._folder = null;
    this._folderQuery = query;
    this.handleContents(whole ? (model as Contents.IModel) : { ...model, content: [] });
    this._poll.frequency = {
      ...this._poll.frequency,
      interval: this._interval ?? (model.watched ? WATCHED : UNWATCHED)
    };
    if (!whole) {
      const ask = (where: IWhere): Promise<IReply> => this._page(path, parts, where);
      this._folder = new Folder(ask, model, () => this._onRows());
    }
  }

  /** One page as the server has it; the whole folder where there are no pages. */
  private async _page(
    path: string,
    parts: Record<string, string>,
    where: IWhere
  ): Promise<IPageModel> {
    const { contents } = this.manager.services;
    const pageable = contents.driveName(path) === '' && !this._onlyHere;
    const options = { content: true, ...(pageable && { ...parts, ...where }) };
    // The default drive makes every option a query parameter.
    const model: IPageModel = await contents.get(path, options);
    if (!pageable) {
      return { ...model, total: undefined };
    }
    if (parts.filter) {
      for (const entry of model.content) {
        entry.indices = marked(entry.name, parts.filter);
      }
    }
    return model;
  }

  /** All that decides which rows there are but the folder itself. */
  private _query(): string {
    return JSON.stringify([this._parameters(this.filterText().trim()), this._onlyHere]);
  }

  private _parameters(filter: string): Record<string, string> {
    const { filterDirectories: filterFolders, includeHiddenFiles: hidden } = this;
    return parameters(this._order, { filter, filterFolders, hidden });
  }

  private _onRows(): void {
    if (!this._folder || this.isDisposed) {
      return; // its first page; who reads it tells everybody
    }
    this._notePaths();
    this._populateSessions(this.manager.services.sessions.running());
    this.rowsChanged();
  }

  /** Sessions are those of the paths that stock has noted. */
  private _notePaths(): void {
    for (const { path } of this._folder?.loaded() ?? []) {
      this._paths.add(path);
    }
  }

  private async _has(path: string): Promise<boolean> {
    try {
      await this.manager.services.contents.get(path, { content: false });
      return true;
    } catch (error) {
      if ((error as { response?: Response }).response?.status === 404) {
        return false;
      }
      throw error;
    }
  }

  private readonly _interval: number | undefined;
  private _folder: Folder | null = null;
  private _folderQuery = '';
  private _readAt = 0;
  /** The filter is a function that the server cannot be asked for. */
  private _onlyHere = false;
  private _order: IOrder = {
    sort: { key: 'name', direction: 'ascending' },
    notebooksFirst: false,
    natural: true
  };
}

interface IPageModel extends Contents.IModel {
  content: Entry[];
  total?: number;
  offset?: number;
  /** Whether the server tells of changes in this folder. */
  watched?: boolean;
}

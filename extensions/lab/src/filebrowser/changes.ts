/** Changes in the folder on show, told by the server: they are seen at once, not at the next poll. */

import { PathExt } from '@jupyterlab/coreutils';
import type { Event } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import type { PagedModel } from './model';

/** What changes on disk, whoever did it. */
const ON_DISK = 'https://events.plughost.dev/contents_changes/v1';

/** What clients of the contents API do. */
const BY_CLIENTS = 'https://events.jupyter.org/jupyter_server/contents_service/v1';

/** Milliseconds from a change until the folder is read: others often follow close behind. */
const DELAY = 300;

/** Milliseconds between two readings at least, however fast changes come. */
const PAUSE = 1000;

/** Whether an event says that something in a folder is not as it was. */
export function concerns(event: Event.Emission, folder: string): boolean {
  const { schema_id, action, path, source_path } = event;
  if (schema_id === BY_CLIENTS ? action === 'get' : schema_id !== ON_DISK) {
    return false;
  }
  return [path, source_path]
    .filter(changed => typeof changed === 'string')
    .map(changed => changed.replace(/^\/+|\/+$/g, ''))
    .some(changed => changed === folder || PathExt.dirname(changed) === folder);
}

export class Changes implements IDisposable {
  /** @param hold - Whether the list had better not change right now. */
  constructor(model: PagedModel, events: Event.IManager, hold: () => boolean) {
    this._model = model;
    this._events = events;
    this._hold = hold;
    events.stream.connect(this._onEvent, this);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._events.stream.disconnect(this._onEvent, this);
    clearTimeout(this._timer);
  }

  private _onEvent(_: unknown, event: Event.Emission): void {
    const { contents } = this._model.manager.services;
    const { path } = this._model;
    if (contents.driveName(path) === '' && concerns(event, contents.localPath(path))) {
      this._heardAt = performance.now();
      const since = this._heardAt - this._model.readAt;
      this._timer ??= setTimeout(() => this._read(), Math.max(DELAY, PAUSE - since));
    }
  }

  private _read(): void {
    this._timer = undefined;
    if (this._hold()) {
      this._timer = setTimeout(() => this._read(), DELAY);
    } else if (this._model.readAt <= this._heardAt) {
      // Not after what this page did itself: the folder was read again at once then.
      void this._model.refresh();
    }
  }

  private readonly _model: PagedModel;
  private readonly _events: Event.IManager;
  private readonly _hold: () => boolean;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _heardAt = 0;
  private _isDisposed = false;
}

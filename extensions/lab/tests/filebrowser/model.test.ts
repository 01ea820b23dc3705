/** The file browser's model, while folders are on their way. */

import { Signal } from '@lumino/signaling';
import { expect, it, vi } from 'vitest';
import { PagedModel } from '../../src/filebrowser/model';

vi.mock('@jupyterlab/docmanager', () => ({}));
// What draws icons and buttons comes along with JupyterLab's own, and wants a real browser.
vi.mock('../../src/filebrowser/stock', () => ({
  StockModel: class {
    isDisposed = false;
    path = '';
    _pending = null;
    _pendingPath = null;
    _pathChanged = new Signal({});
    _refreshed = new Signal({});
    _sessions = [];
    _paths = new Set();
    _poll = { frequency: {} };
    readonly manager: unknown;

    constructor(options: { manager: unknown }) {
      this.manager = options.manager;
      this._pathChanged.connect((_, { newValue }: any) => {
        this.path = newValue;
      });
    }

    handleContents(): void {}
    onRunningChanged(): void {}
    dispose(): void {
      this.isDisposed = true;
    }
  }
}));

/** A model whose folders arrive when `release` is called. */
function model() {
  let release = (): void => undefined;
  const gate = new Promise<void>(resolve => {
    release = resolve;
  });
  const asked: string[] = [];
  const services = {
    contents: {
      resolvePath: (_: string, path: string) => path.replace(/^[/]/, ''),
      driveName: () => '',
      get: async (path: string) => {
        asked.push(path);
        await gate;
        return { name: path, path, type: 'directory', format: 'json', content: [] };
      }
    },
    sessions: { running: () => [].values() }
  };
  const files = new PagedModel({ manager: { services } } as any);
  return { files, asked, release };
}

it('goes where it was told to last, one folder after the other', async () => {
  const { files, asked, release } = model();
  const ways = [files.cd('/a'), files.cd('/b')];
  release();
  await Promise.all(ways);
  expect(asked).toEqual(['a', 'b']);
  expect(files.path).toBe('b');
});

it('goes nowhere any more once it is disposed, and holds nothing up', async () => {
  const { files, asked, release } = model();
  const ways = [files.cd('/a'), files.cd('/b')];
  await vi.waitFor(() => expect(asked).toEqual(['a']));
  files.dispose();
  release();
  await Promise.all(ways);
  expect(asked).toEqual(['a']);
});

/** A long folder, read page by page. */

import { expect, it, vi } from 'vitest';
import {
  type Entry,
  Folder,
  type IReply,
  type IWhere,
  isWhole,
  LOADING,
  PAGE
} from '../../src/filebrowser/folder';

/** A server with a folder of files, which notes what it is asked for. */
class Server {
  constructor(count: number) {
    this.names = Array.from({ length: count }, (_, i) => `file${i}`);
  }

  names: string[];
  asked: IWhere[] = [];
  knowsNames = true;

  readonly ask = async (where: IWhere): Promise<IReply> => {
    this.asked.push(where);
    await this.gate;
    return this.reply(where);
  };

  /** Hold all replies back until the function that this gives is called. */
  hold(): () => void {
    let open = (): void => undefined;
    this.gate = new Promise(resolve => {
      open = resolve;
    });
    return open;
  }

  reply({ limit, offset, at, prefix }: IWhere): IReply {
    const index = this.names.findIndex(name => name === at || name.startsWith(prefix ?? '\0'));
    if (offset === undefined && this.knowsNames && index < 0) {
      throw Object.assign(new Error('no such name'), { response: { status: 404 } });
    }
    const start = offset ?? (this.knowsNames ? index - (index % limit) : 0);
    const content = this.names.slice(start, start + limit).map(entry);
    const told = this.knowsNames ? { offset: start } : {};
    return { content, total: this.names.length, ...told };
  }

  get offsets(): number[] {
    return this.asked.map(({ offset }) => offset ?? -1);
  }

  private gate: Promise<void> = Promise.resolve();
}

const entry = (name: string): Entry => ({ ...LOADING, name, path: name });

function open(server: Server, changed = (): void => undefined): Folder {
  return new Folder(server.ask, server.reply({ limit: PAGE, offset: 0 }), changed);
}

const rows = (folder: Folder, ...indexes: number[]): string[] =>
  indexes.map(i => folder.rows[i].name);

it('is whole when the first page is all, or when the server knows no pages', () => {
  const content = [entry('a')];
  expect(isWhole({ content, total: 1 })).toBe(true);
  expect(isWhole({ content })).toBe(true);
  expect(isWhole({ content, total: 2 })).toBe(false);
});

it('has a row for every entry at once, and entries in those that were asked for', async () => {
  const server = new Server(100_000);
  const folder = open(server);
  expect(folder.rows.length).toBe(100_000);
  expect(rows(folder, 999, 1000)).toEqual(['file999', '…']);
  await folder.ensure({ start: 99_990, end: 100_000 });
  expect(rows(folder, 99_999)).toEqual(['file99999']);
  expect(folder.loaded().length).toBe(2000);
  expect(server.offsets).toEqual([99_000]);
});

it('asks for no page twice, and for neighbours together', async () => {
  const server = new Server(100_000);
  const folder = open(server);
  await Promise.all([
    folder.ensure({ start: 500, end: 2500 }),
    folder.ensure({ start: 1500, end: 1600 })
  ]);
  await folder.ensure({ start: 0, end: 3000 });
  expect(server.asked).toEqual([{ offset: 1000, limit: 2000 }]);
  await folder.ensure({ start: 0, end: 100_000 });
  expect(server.asked.length).toBe(11);
  expect(folder.has({ start: 0, end: 100_000 })).toBe(true);
});

it('does not read what goes by while the list is scrolled far', async () => {
  const server = new Server(100_000);
  const folder = open(server);
  const shown = [10_000, 20_000, 30_000, 40_000].map(start =>
    folder.show({ start, end: start + 30 })
  );
  await Promise.all(shown);
  expect(server.offsets).toEqual([40_000]);
});

it('reads what came into view while it was reading', async () => {
  const server = new Server(100_000);
  const folder = open(server);
  const letGo = server.hold();
  const shown = folder.show({ start: 10_000, end: 10_030 });
  await vi.waitFor(() => expect(server.offsets).toEqual([10_000]), 30_000);
  void folder.show({ start: 20_000, end: 20_030 });
  void folder.show({ start: 30_000, end: 30_030 });
  letGo();
  await shown;
  expect(server.offsets).toEqual([10_000, 30_000]);
});

it('reads again only what is on show, and the rest when it comes into view', async () => {
  const server = new Server(100_000);
  const folder = open(server);
  await folder.show({ start: 50_000, end: 50_030 });
  server.names[50_001] = 'renamed';
  server.names[5] = 'also renamed';
  await folder.refresh();
  expect(rows(folder, 50_001, 5)).toEqual(['renamed', 'file5']);
  await folder.show({ start: 0, end: 30 });
  expect(rows(folder, 5)).toEqual(['also renamed']);
  expect(server.offsets).toEqual([50_000, 50_000, 0]);
});

it('grows and shrinks with the folder, and keeps its rows meanwhile', async () => {
  const server = new Server(5000);
  const folder = open(server);
  await folder.ensure({ start: 0, end: 5000 });
  server.names.unshift('a new one');
  await folder.refresh();
  expect(folder.rows.length).toBe(5001);
  expect(rows(folder, 0, 1, 4999, 5000)).toEqual(['a new one', 'file0', 'file4999', '…']);
  server.names = [];
  await folder.refresh();
  expect(folder.rows).toEqual([]);
  server.names = ['and again one'];
  await folder.refresh();
  expect(rows(folder, 0)).toEqual(['and again one']);
});

it('does not let a late reply undo a refresh', async () => {
  const server = new Server(5000);
  const folder = open(server);
  const letGo = server.hold();
  const early = folder.show({ start: 2000, end: 2030 });
  const refreshed = folder.refresh();
  letGo();
  server.names = server.names.slice(0, 4000);
  await Promise.all([early, refreshed]);
  expect(folder.rows.length).toBe(4000);
});

it('finds an entry by its name or the start of it, and reads the page that it is on', async () => {
  const server = new Server(100_000);
  const folder = open(server);
  expect(await folder.find({ at: 'file77' })).toBe(77);
  expect(server.asked).toEqual([]);
  expect(await folder.find({ at: 'file77777' })).toBe(77_777);
  expect(await folder.find({ prefix: 'file9876' })).toBe(9876);
  expect(await folder.find({ at: 'no such name' })).toBe(-1);
  expect(rows(folder, 77_777, 9876)).toEqual(['file77777', 'file9876']);
});

it('looks a name up page by page where the server cannot', async () => {
  const server = new Server(30_000);
  server.knowsNames = false;
  const folder = open(server);
  expect(await folder.find({ at: 'file15000' })).toBe(15_000);
  expect(await folder.find({ at: 'no such name' })).toBe(-1);
  expect(await folder.find({ prefix: 'file29' })).toBe(29);
});

it('tells of a failure, and tries again the next time', async () => {
  const server = new Server(5000);
  let fails = true;
  const folder = new Folder(
    where => (fails ? Promise.reject(new Error('gone')) : server.ask(where)),
    server.reply({ limit: PAGE, offset: 0 }),
    () => undefined
  );
  await expect(folder.show({ start: 2000, end: 2030 })).rejects.toThrow('gone');
  fails = false;
  await folder.show({ start: 2000, end: 2030 });
  expect(rows(folder, 2000)).toEqual(['file2000']);
});

it('says when rows have changed', async () => {
  const server = new Server(5000);
  let changes = 0;
  const folder = open(server, () => changes++);
  changes = 0;
  await folder.ensure({ start: 1000, end: 2000 });
  expect(changes).toBe(1);
});

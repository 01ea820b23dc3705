/**
 * JupyterLab's own service clients against a running server.
 *
 * `node services.mjs <client> <base URL> <token>` makes the calls of one client in turn and prints
 * a line of JSON for each: `{"call": …}`, with an `error` where it failed.
 */

import { deepStrictEqual as equal } from 'node:assert';
import { createRequire } from 'node:module';
import { kernelConnections } from './kernel_connections.mjs';
import { kernelMessages } from './kernel_messages.mjs';
import { kernels } from './kernels.mjs';

// They are CommonJS, whose names an ES module does not see.
const require = createRequire(import.meta.url);
const { PageConfig } = require('@jupyterlab/coreutils');
const services = require('@jupyterlab/services');

const [client, baseUrl, token] = process.argv.slice(2);
const SCHEMA_OF_CONTENTS = 'https://events.jupyter.org/jupyter_server/contents_service/v1';
const SECONDS = 60;

// What the page of the lab would say. The clients read it, and warn on the console of what is
// none of our business here: a socket that we close ourselves.
PageConfig.setOption('terminalsAvailable', 'true');
console.warn = console.debug = () => undefined;

const serverSettings = settingsFor(baseUrl);

/** The calls of each client, in the order in which they build on each other. */
const clients = {
  async contents(check) {
    const contents = new services.ContentsManager({ serverSettings });
    const told = [];
    contents.fileChanged.connect((_, change) => told.push(change.type));
    const names = async folder => {
      const model = await contents.get(folder, { content: true });
      return model.content.map(each => each.name).sort();
    };

    await check('get an empty root', async () => {
      const root = await contents.get('');
      equal([root.type, root.path, root.content], ['directory', '', []]);
    });
    await check('newUntitled folder', async () => {
      const made = await contents.newUntitled({ type: 'directory' });
      equal([made.type, made.path], ['directory', 'Untitled Folder']);
    });
    await check('newUntitled file', async () => {
      const made = await contents.newUntitled({
        path: 'Untitled Folder',
        type: 'file',
        ext: 'txt'
      });
      equal([made.type, made.path], ['file', 'Untitled Folder/untitled.txt']);
    });
    await check('newUntitled notebook', async () => {
      const made = await contents.newUntitled({ type: 'notebook' });
      equal([made.type, made.path], ['notebook', 'Untitled.ipynb']);
    });
    await check('save a text file', async () => {
      const model = { type: 'file', format: 'text', content: 'eins\nzwei\n' };
      const saved = await contents.save('Grüße 100% #1?.txt', model);
      equal([saved.size, saved.content], [10, null]);
    });
    await check('get a text file', async () => {
      const model = await contents.get('Grüße 100% #1?.txt', { content: true, hash: true });
      equal(
        [model.content, model.format, model.mimetype, model.hash.length, model.hash_algorithm],
        ['eins\nzwei\n', 'text', 'text/plain', 64, 'sha256']
      );
    });
    await check('get without content', async () => {
      const model = await contents.get('Grüße 100% #1?.txt', { content: false });
      equal([model.content, model.format], [null, null]);
    });
    await check('get as base64', async () => {
      const options = { type: 'file', format: 'base64', content: true };
      const model = await contents.get('Grüße 100% #1?.txt', options);
      equal(atob(model.content.replaceAll('\n', '')), 'eins\nzwei\n');
    });
    await check('save and get a notebook', async () => {
      const cell = { cell_type: 'markdown', id: 'a1', metadata: {}, source: '# Tea' };
      const content = { cells: [cell], metadata: {}, nbformat: 4, nbformat_minor: 5 };
      await contents.save('Untitled.ipynb', { type: 'notebook', format: 'json', content });
      const model = await contents.get('Untitled.ipynb', { type: 'notebook', content: true });
      equal([model.content.cells, model.content.nbformat], [[cell], 4]);
    });
    await check('rename', async () => {
      const moved = await contents.rename('Grüße 100% #1?.txt', 'Untitled Folder/a b.txt');
      equal(moved.path, 'Untitled Folder/a b.txt');
      await fails(404, contents.get('Grüße 100% #1?.txt'));
    });
    await check('rename to a name that is taken', () =>
      fails(409, contents.rename('Untitled Folder/a b.txt', 'Untitled Folder/untitled.txt'))
    );
    await check('copy into a folder', async () => {
      const copied = await contents.copy('Untitled.ipynb', 'Untitled Folder');
      equal(copied.path, 'Untitled Folder/Untitled.ipynb');
    });
    await check('copy beside', async () => {
      const copied = await contents.copy('Untitled Folder/a b.txt', 'Untitled Folder');
      equal(copied.path, 'Untitled Folder/a b-Copy1.txt');
    });
    await check('createCheckpoint', async () => {
      const made = await contents.createCheckpoint('Untitled Folder/a b.txt');
      equal(await contents.listCheckpoints('Untitled Folder/a b.txt'), [made]);
    });
    await check('restoreCheckpoint', async () => {
      const path = 'Untitled Folder/a b.txt';
      await contents.save(path, { type: 'file', format: 'text', content: 'drei' });
      const [checkpoint] = await contents.listCheckpoints(path);
      await contents.restoreCheckpoint(path, checkpoint.id);
      equal((await contents.get(path)).content, 'eins\nzwei\n');
    });
    await check('deleteCheckpoint', async () => {
      const path = 'Untitled Folder/a b.txt';
      const [checkpoint] = await contents.listCheckpoints(path);
      await contents.deleteCheckpoint(path, checkpoint.id);
      equal(await contents.listCheckpoints(path), []);
      await fails(404, contents.restoreCheckpoint(path, checkpoint.id));
    });
    await check('getDownloadUrl', async () => {
      const reply = await fetched(await contents.getDownloadUrl('Untitled Folder/a b.txt'));
      equal(await reply.text(), 'eins\nzwei\n');
    });
    await check('save in pieces', async () => {
      const drive = new services.Drive({ serverSettings });
      const whole = Buffer.alloc(2 ** 21 + 4711, 'ünd so weiter ');
      const pieces = Array.from({ length: 3 }, (_, n) => whole.subarray(n << 20, (n + 1) << 20));
      for (const [n, piece] of pieces.entries()) {
        await drive.save('Untitled Folder/big.bin', {
          type: 'file',
          format: 'base64',
          content: piece.toString('base64'),
          chunk: n === pieces.length - 1 ? -1 : n + 1
        });
      }
      const reply = await fetched(await drive.getDownloadUrl('Untitled Folder/big.bin'));
      equal(whole.equals(Buffer.from(await reply.arrayBuffer())), true);
    });
    await check('delete a file', async () => {
      await contents.delete('Untitled Folder/a b-Copy1.txt');
      equal(await names('Untitled Folder'), [
        'Untitled.ipynb',
        'a b.txt',
        'big.bin',
        'untitled.txt'
      ]);
    });
    await check('delete what is not there', () => fails(404, contents.delete('none.txt')));
    await check('what happened was told', async () => {
      equal([...new Set(told)].sort(), ['delete', 'new', 'rename', 'save']);
    });
    contents.dispose();
  },

  async settings(check) {
    const settings = new services.SettingManager({ serverSettings });
    const id = '@tea/weather:plugin';
    await check('list', async () => {
      const { ids, values } = await settings.list();
      const mine = values.find(plugin => plugin.id === id);
      equal(
        ids,
        values.map(plugin => plugin.id)
      );
      equal([mine.raw, mine.settings, mine.schema.title], ['{}', {}, 'Weather']);
    });
    await check('list of ids', async () => {
      const { ids, values } = await settings.list('ids');
      equal([ids.includes(id), values], [true, []]);
    });
    await check('fetch', async () => {
      const { schema, version } = await settings.fetch(id);
      equal([schema.properties.unit.default, version], ['C', '2.1.0']);
    });
    await check('save', async () => {
      const raw = '{\n  // as at home\n  "unit": "F",\n}';
      await settings.save(id, raw);
      const plugin = await settings.fetch(id);
      equal([plugin.raw, plugin.settings], [raw, { unit: 'F' }]);
    });
    await check('save what the schema does not allow', () =>
      fails(400, settings.save(id, '{"unit": "K"}'))
    );
    await check('fetch of an unknown plugin', () => fails(404, settings.fetch('@tea/none:plugin')));
  },

  async workspaces(check) {
    const workspaces = new services.WorkspaceManager({ serverSettings });
    const workspace = { data: { layout: { main: ['ü'] } }, metadata: { id: 'my work' } };
    await check('list of none', async () => {
      equal(await workspaces.list(), { ids: [], values: [] });
    });
    await check('fetch of an unknown one', async () => {
      equal(await workspaces.fetch('default'), { data: {}, metadata: { id: '/default' } });
    });
    await check('save', async () => {
      await workspaces.save('my work', workspace);
      const { data, metadata } = await workspaces.fetch('my work');
      equal([data, metadata.id], [workspace.data, 'my work']);
    });
    await check('list', async () => {
      const { ids, values } = await workspaces.list();
      equal([ids, values.map(each => each.data)], [['my work'], [workspace.data]]);
    });
    await check('save under another name', () => fails(400, workspaces.save('other', workspace)));
    await check('remove', async () => {
      await workspaces.remove('my work');
      equal((await workspaces.list()).ids, []);
    });
    await check('remove again', () => fails(404, workspaces.remove('my work')));
  },

  async terminals(check) {
    const terminals = new services.TerminalManager({ serverSettings });
    let session;
    let printed = '';
    const seen = text => until(`'${text}' is printed`, () => printed.includes(text));
    const type = text => session.send({ type: 'stdin', content: [`${text}\r`] });
    await check('startNew', async () => {
      await terminals.ready;
      session = await terminals.startNew({ name: 'build' });
      session.messageReceived.connect((_, message) => {
        printed += message.type === 'stdout' ? message.content.join('') : '';
      });
      equal(session.name, 'build');
    });
    await check('send stdin, receive stdout', async () => {
      await until('connected', () => session.connectionStatus === 'connected');
      type('echo $((6 * 7))ü');
      await seen('42ü');
    });
    await check('send set_size', async () => {
      session.send({ type: 'set_size', content: [31, 97, 620, 970] });
      type('stty size');
      await seen('31 97');
    });
    await check('the shell knows its server', async () => {
      type('echo at=$JUPYTER_SERVER_URL=');
      await seen(`at=${baseUrl}=`);
    });
    await check('reconnect', async () => {
      await session.reconnect();
      type('echo ag"a"in');
      await seen('again');
    });
    await check('running', async () => {
      await terminals.refreshRunning();
      equal(
        Array.from(terminals.running(), model => model.name),
        ['build']
      );
    });
    await check('shutdown', async () => {
      const disposed = new Promise(resolve => session.disposed.connect(resolve));
      await session.shutdown();
      await disposed;
      await terminals.refreshRunning();
      equal([...terminals.running()], []);
    });
    terminals.dispose();
  },

  async nbconvert(check) {
    const nbconvert = new services.NbConvertManager({ serverSettings });
    await check('getExportFormats', async () => {
      const formats = await nbconvert.getExportFormats();
      equal(
        Object.values(formats).every(each => typeof each.output_mimetype === 'string'),
        true
      );
    });
  },

  async events(check) {
    const events = new services.EventManager({ serverSettings });
    const contents = new services.ContentsManager({ serverSettings });
    const heard = [];
    void (async () => {
      for await (const event of events.stream) {
        heard.push(event);
      }
    })();
    await check('stream', async () => {
      // Nobody says when the socket is open.
      await until('a saved file is told', async () => {
        await contents.save('a.txt', { type: 'file', format: 'text', content: 'a' });
        return heard.some(event => event.action === 'save' && event.path === 'a.txt');
      });
      equal(
        heard.every(event => event.schema_id === SCHEMA_OF_CONTENTS),
        true
      );
    });
    await check('emit', async () => {
      const data = { action: 'delete', path: 'emitted.txt' };
      await events.emit({ schema_id: SCHEMA_OF_CONTENTS, version: '1', data });
      await until('the event comes back', () => heard.some(event => event.path === 'emitted.txt'));
    });
    await check('emit what nobody has described', () =>
      fails(400, events.emit({ schema_id: 'https://example.org/none', version: '1', data: {} }))
    );
    events.dispose();
    contents.dispose();
  },

  async config(check) {
    const manager = new services.ConfigSectionManager({ serverSettings });
    let section;
    await check('create', async () => {
      section = await manager.create({ name: 'tree' });
      equal(section.data, {});
    });
    await check('update', async () => {
      equal(await section.update({ a: { b: 1 }, c: 'ü' }), { a: { b: 1 }, c: 'ü' });
      equal(await section.update({ a: { b: null } }), { a: {}, c: 'ü' });
    });
  },

  async user(check) {
    const user = new services.UserAPI.UserAPIClient({ serverSettings });
    await check('get', async () => {
      const { identity, permissions } = await user.get();
      equal([typeof identity.name, typeof permissions], ['string', 'object']);
    });
  },

  ...kernels,
  ...kernelMessages,
  ...kernelConnections
};

const tools = { services, serverSettings, settingsFor, equal, fails, until };
await clients[client](async (call, make) => {
  let error = {};
  try {
    await make();
  } catch (reason) {
    error = { error: String(reason?.stack ?? reason) };
  }
  console.log(JSON.stringify({ call, ...error }));
}, tools);
// Not by itself: the clients leave timers of up to a minute behind.
process.stdout.write('', () => process.exit());

/** What a client needs to know of a server. */
function settingsFor(baseUrl) {
  return services.ServerConnection.makeSettings({ baseUrl, appUrl: 'lab', token });
}

/** Rejects unless a call is refused with this status. */
async function fails(status, call) {
  const answer = await call.then(
    () => 'no error',
    error => error.response?.status ?? error
  );
  equal(answer, status);
}

/** A GET as a browser would make it with its cookie. */
async function fetched(url) {
  const reply = await fetch(url, { headers: { Authorization: `token ${token}` } });
  equal(reply.status, 200);
  return reply;
}

/** Ask again and again until a condition holds; `instead` is what there is if it does not. */
async function until(what, condition, instead = () => '') {
  const end = Date.now() + SECONDS * 1000;
  while (!(await condition())) {
    if (Date.now() > end) {
      throw new Error(`${SECONDS} seconds have passed, and not yet: ${what}. ${instead()}`);
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

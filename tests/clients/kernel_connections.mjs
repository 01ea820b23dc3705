/**
 * JupyterLab's own clients of kernels, for `services.mjs`: several at once, a network that fails, and kernels that die.
 *
 * Each takes `check(call, make)` and the tools of that script.
 */

import { createServer, connect as tcpConnect } from 'node:net';
import { printed, run } from './kernels.mjs';

export const kernelConnections = {
  async connections(check, { services, serverSettings, equal, until, settingsFor }) {
    const kernels = new services.KernelManager({ serverSettings });
    const kernel = await kernels.startNew({ name: 'python3' });
    const proxy = await openProxy(serverSettings.baseUrl);
    const far = new services.KernelManager({ serverSettings: settingsFor(proxy.url) });
    const [model] = await services.KernelAPI.listRunning(serverSettings);
    await check('a second client', async () => {
      const other = kernels.connectTo({ model });
      await other.info;
      let seen = '';
      other.iopubMessage.connect((_, { content, parent_header }) => {
        seen += parent_header.session === kernel.clientId ? (content.text ?? '') : '';
      });
      equal(await printed(kernel, 'print("for both")'), 'for both\n');
      await until(
        'it has heard',
        () => seen === 'for both\n',
        () => JSON.stringify(seen)
      );
      equal(await printed(other, 'print("its own")'), 'its own\n');
      other.dispose();
    });
    await check('reconnect', async () => {
      await run(kernel, 'x = 5');
      await kernel.reconnect();
      equal([kernel.connectionStatus, await printed(kernel, 'print(x)')], ['connected', '5\n']);
    });
    await check('what comes while the network is gone arrives afterwards', async () => {
      const dropped = far.connectTo({ model });
      await dropped.info;
      const statuses = [];
      dropped.connectionStatusChanged.connect((_, status) => statuses.push(status));
      let text = '';
      let result;
      const code = `
import os, time
print("before", flush=True)
while not os.path.exists("go-on"): time.sleep(0.02)
for i in range(500): print(i, flush=True)
"result"`;
      const future = dropped.requestExecute({ code });
      future.onIOPub = ({ header, content }) => {
        text += content.text ?? '';
        result ??= header.msg_type === 'execute_result' ? content.data['text/plain'] : undefined;
      };
      await until('it runs', () => text === 'before\n');
      proxy.drop();
      const witness = kernels.connectTo({ model });
      let last = false;
      witness.iopubMessage.connect((_, { header }) => {
        last ||= header.msg_type === 'execute_result';
      });
      // Not `info`: for that the kernel would have to be at rest.
      await until('it listens', () => witness.connectionStatus === 'connected');
      const contents = new services.ContentsManager({ serverSettings });
      await contents.save('go-on', { type: 'file', format: 'text', content: '' });
      contents.dispose();
      await until('all of it has come for others', () => last);
      proxy.mend();
      equal((await future.done).content.status, 'ok');
      equal(text.split('\n'), ['before', ...Array.from({ length: 500 }, (_, n) => `${n}`), '']);
      equal(result, "'result'");
      equal(statuses.at(-1), 'connected');
      equal(await printed(dropped, 'print("on")'), 'on\n');
      witness.dispose();
    });
    await kernel.shutdown();
    proxy.close();
    [far, kernels].forEach(manager => void manager.dispose());
  },

  async deaths(check, { services, serverSettings, equal, until }) {
    // JupyterLab leaves this one unhandled; a browser prints it, Node would end.
    process.on('unhandledRejection', error =>
      equal(error.message, 'Kernel connection disconnected')
    );
    const kernels = new services.KernelManager({ serverSettings });
    const started = async name => {
      const kernel = await kernels.startNew({ name });
      const statuses = [];
      kernel.statusChanged.connect((_, status) => statuses.push(status));
      return { kernel, statuses };
    };
    await check('autorestarting', async () => {
      const { kernel, statuses } = await started('mortal');
      const other = kernels.connectTo({ model: kernel.model });
      await Promise.all([kernel.info, other.info]);
      const seenByOther = [];
      other.statusChanged.connect((_, status) => seenByOther.push(status));
      kernel.requestExecute({ code: 'import os; os._exit(1)' }).done.catch(() => undefined);
      await until('it is told', () => statuses.includes('autorestarting'));
      equal(await printed(kernel, 'print("again")'), 'again\n');
      await until('the other is told', () => seenByOther.includes('autorestarting'));
      // The other asks it who it is, and for that it is busy for a moment.
      await until('it is at rest', () => statuses.at(-1) === 'idle');
      await kernel.shutdown();
    });
    await check('dead', async () => {
      const { kernel, statuses } = await started('mortal');
      await kernel.info;
      const code = 'import os; open("doom", "w").close(); os._exit(1)';
      kernel.requestExecute({ code }).done.catch(() => undefined);
      await until('it is told', () => statuses.includes('dead'));
      equal(statuses.includes('autorestarting'), true);
      const { execution_state, reason } = await services.KernelAPI.getKernelModel(
        kernel.id,
        serverSettings
      );
      equal([execution_state, reason.includes('doomed')], ['dead', true]);
      await kernels.shutdown(kernel.id);
    });
    await check('dead from the start', async () => {
      const { kernel, statuses } = await started('doomed');
      kernel.info.catch(() => undefined);
      await until('it is told', () => kernel.status === 'dead');
      equal(statuses.at(-1), 'dead');
      await kernels.shutdown(kernel.id);
      await kernels.refreshRunning();
      equal(kernels.runningCount, 0);
    });
    kernels.dispose();
  }
};

/** A way to the server that can be cut: `drop()`, and `mend()` for those who come meanwhile. */
async function openProxy(baseUrl) {
  const { port, pathname } = new URL(baseUrl);
  const open = new Set();
  let waiting = null;
  const forward = near => {
    const far = tcpConnect(Number(port), '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near]
    ]) {
      open.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
    }
  };
  const server = createServer(near => (waiting ? waiting.push(near) : forward(near)));
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}${pathname}`,
    drop() {
      waiting = [];
      open.forEach(socket => void socket.destroy());
    },
    mend() {
      waiting.forEach(forward);
      waiting = null;
    },
    close() {
      server.close();
      open.forEach(socket => void socket.destroy());
    }
  };
}

/**
 * JupyterLab's own clients of kernels, for `services.mjs`: starting, finding and ending them, and sessions.
 *
 * Each takes `check(call, make)` and the tools of that script.
 */

export const kernels = {
  async kernels(check, { services, serverSettings, equal, fails, until }) {
    const specs = new services.KernelSpecManager({ serverSettings });
    const kernels = new services.KernelManager({ serverSettings });
    let kernel;
    await check('specs', async () => {
      await specs.ready;
      const { default: standard, kernelspecs } = specs.specs;
      equal([standard, 'python3' in kernelspecs, 'doomed' in kernelspecs], ['python3', true, true]);
      equal([kernelspecs.mortal.language, kernelspecs.mortal.display_name], ['python', 'Mortal']);
    });
    await check('refreshSpecs', async () => {
      await specs.refreshSpecs();
      equal('python3' in specs.specs.kernelspecs, true);
    });
    await check('startNew of an unknown one', async () => {
      await kernels.ready;
      await fails(404, kernels.startNew({ name: 'fortran' }));
    });
    await check('startNew', async () => {
      kernel = await kernels.startNew({ name: 'python3' });
      const { language_info, status } = await kernel.info;
      equal([kernel.name, language_info.name, status], ['python3', 'python', 'ok']);
      equal((await kernel.spec).display_name.startsWith('Python 3'), true);
    });
    await check('running', async () => {
      await kernels.refreshRunning();
      equal(
        Array.from(kernels.running(), model => model.id),
        [kernel.id]
      );
      equal(kernels.runningCount, 1);
    });
    await check('findById', async () => {
      equal((await kernels.findById(kernel.id)).name, 'python3');
      equal(await kernels.findById('nobody'), undefined);
    });
    await check('interrupt', async () => {
      const future = kernel.requestExecute({
        code: 'import time; print("under way", flush=True); time.sleep(100)'
      });
      // Before its own code runs a kernel may not heed the signal.
      await new Promise(resolve => {
        future.onIOPub = ({ header }) => header.msg_type === 'stream' && resolve();
      });
      equal(kernel.status, 'busy');
      await kernel.interrupt();
      equal((await future.done).content.ename, 'KeyboardInterrupt');
    });
    await check('restart', async () => {
      await run(kernel, 'x = 1');
      await kernel.restart();
      equal(await printed(kernel, 'print("x" in globals(), 40 + 2)'), 'False 42\n');
      equal(kernel.status, 'idle');
    });
    await check('shutdown', async () => {
      await kernel.shutdown();
      equal([kernel.isDisposed, kernel.status], [true, 'dead']);
      await kernels.refreshRunning();
      equal([...kernels.running()], []);
    });
    await check('shutdownAll', async () => {
      const started = await Promise.all([kernels.startNew(), kernels.startNew()]);
      await kernels.shutdownAll();
      await until('all are disposed', () => started.every(one => one.isDisposed));
      equal(kernels.runningCount, 0);
    });
    [kernels, specs].forEach(manager => void manager.dispose());
  },

  async sessions(check, { services, serverSettings, equal, fails, until }) {
    const kernels = new services.KernelManager({ serverSettings });
    const sessions = new services.SessionManager({ kernelManager: kernels, serverSettings });
    const wanted = { path: 'tea.ipynb', name: 'tea.ipynb', type: 'notebook' };
    const told = [];
    let session;
    await check('startNew', async () => {
      await sessions.ready;
      session = await sessions.startNew({ ...wanted, kernel: { name: 'python3' } });
      session.propertyChanged.connect((_, name) => told.push(name));
      session.kernelChanged.connect((_, { oldValue, newValue }) =>
        told.push(oldValue.id !== newValue.id)
      );
      equal([session.path, session.kernel.name], ['tea.ipynb', 'python3']);
      equal(await printed(session.kernel, 'print(6 * 7)'), '42\n');
    });
    await check('startNew with an unknown kernel', () =>
      fails(501, sessions.startNew({ ...wanted, path: 'b.ipynb', kernel: { name: 'fortran' } }))
    );
    await check('setPath, setName and setType', async () => {
      await session.setPath('green.ipynb');
      await session.setName('green');
      await session.setType('console');
      await sessions.refreshRunning(); // it keeps what it was told last
      const { name, type } = await sessions.findByPath('green.ipynb');
      equal([name, type], ['green', 'console']);
      equal(await sessions.findByPath('tea.ipynb'), undefined);
      equal((await sessions.findById(session.id)).path, 'green.ipynb');
      equal(told, ['path', 'name', 'type']);
    });
    await check('connectTo a running one', async () => {
      const [model] = sessions.running();
      const other = sessions.connectTo({ model });
      equal(await printed(other.kernel, 'print("seen from both")'), 'seen from both\n');
      other.dispose();
    });
    await check('changeKernel', async () => {
      const old = session.kernel.id;
      const kernel = await session.changeKernel({ name: 'mortal' });
      equal([kernel.name, kernel.id !== old, told.at(-1)], ['mortal', true, true]);
      equal(await printed(kernel, 'print("new")'), 'new\n');
      await kernels.refreshRunning();
      equal(
        Array.from(kernels.running(), model => model.name),
        ['mortal']
      );
    });
    await check('changeKernel to one that runs', async () => {
      const kernel = await kernels.startNew({ name: 'python3' });
      await session.changeKernel({ id: kernel.id });
      equal(session.kernel.id, kernel.id);
      equal(await printed(session.kernel, 'print("shared")'), 'shared\n');
    });
    await check('stopIfNeeded', async () => {
      await sessions.startNew({ ...wanted, path: 'other.ipynb', kernel: { name: 'python3' } });
      equal([...sessions.running()].length, 2);
      await sessions.stopIfNeeded('other.ipynb');
      equal(
        Array.from(sessions.running(), model => model.path),
        ['green.ipynb']
      );
    });
    await check('shutdown', async () => {
      await session.shutdown();
      await until('it is disposed', () => session.isDisposed);
      await sessions.refreshRunning();
      await kernels.refreshRunning();
      equal([[...sessions.running()], [...kernels.running()]], [[], []]);
    });
    await check('shutdownAll', async () => {
      const paths = ['1.ipynb', '2.ipynb'];
      await Promise.all(paths.map(path => sessions.startNew({ ...wanted, path })));
      await sessions.shutdownAll();
      await kernels.refreshRunning();
      equal([[...sessions.running()], [...kernels.running()]], [[], []]);
    });
    [sessions, kernels].forEach(manager => void manager.dispose());
  }
};

/** Run code: what it has put out, and the reply. */
export async function run(kernel, code) {
  const future = kernel.requestExecute({ code });
  const outputs = [];
  future.onIOPub = message => {
    ['status', 'execute_input'].includes(message.header.msg_type) || outputs.push(message);
  };
  const reply = await future.done;
  return { outputs, reply };
}

/** Outputs, or their types, with text that comes in pieces as one: a kernel sends a line in several. */
export function inOnePiece(
  outputs,
  nameOf = ({ header, content }) => `${header.msg_type} ${content.name}`
) {
  return outputs.filter(
    (output, n) =>
      !nameOf(output).startsWith('stream') || n === 0 || nameOf(output) !== nameOf(outputs[n - 1])
  );
}

/** What code writes to stdout. */
export async function printed(kernel, code) {
  const { outputs } = await run(kernel, code);
  return outputs.map(({ content }) => content.text ?? '').join('');
}

/**
 * JupyterLab's own clients of kernels, for `services.mjs`: what they are asked and what they answer.
 *
 * Each takes `check(call, make)` and the tools of that script.
 */

import { inOnePiece, printed, run } from './kernels.mjs';

export const kernelMessages = {
  async execution(check, { services, serverSettings, equal, until }) {
    const kernels = new services.KernelManager({ serverSettings });
    const kernel = await kernels.startNew({ name: 'python3' });
    await check('outputs', async () => {
      const code = `
import sys
from IPython.display import HTML, display
print('out', flush=True)  # the kernel promises no order between its streams
print('err', file=sys.stderr)
display(HTML('<b>bold</b>'))
'result'`;
      const { outputs: pieces, reply } = await run(kernel, code);
      const outputs = inOnePiece(pieces);
      equal(
        outputs.map(({ header, content }) => [header.msg_type, content.name]),
        [
          ['stream', 'stdout'],
          ['stream', 'stderr'],
          ['display_data', undefined],
          ['execute_result', undefined]
        ]
      );
      equal(outputs[2].content.data['text/html'], '<b>bold</b>');
      equal(outputs[3].content.data['text/plain'], "'result'");
      equal([reply.content.status, typeof reply.content.execution_count], ['ok', 'number']);
    });
    await check('an error', async () => {
      const { outputs, reply } = await run(kernel, '1 / 0');
      equal([outputs[0].header.msg_type, outputs[0].content.ename], ['error', 'ZeroDivisionError']);
      equal([reply.content.status, reply.content.ename], ['error', 'ZeroDivisionError']);
    });
    await check('what follows an error is aborted', async () => {
      const code = 'import os, time\nwhile not os.path.exists("fail"): time.sleep(0.02)\n1 / 0';
      const first = kernel.requestExecute({ code, stop_on_error: true });
      const second = kernel.requestExecute({ code: 'print("never")' });
      await until('it waits', async () => {
        const model = await services.KernelAPI.getKernelModel(kernel.id, serverSettings);
        return model.running !== null && model.queued === 1;
      });
      const contents = new services.ContentsManager({ serverSettings });
      await contents.save('fail', { type: 'file', format: 'text', content: '' });
      contents.dispose();
      const statuses = [await first.done, await second.done].map(({ content }) => content.status);
      equal(statuses, ['error', 'aborted']);
      await until('it goes on', async () => (await printed(kernel, 'print(1)')) === '1\n');
    });
    await check('sendInputReply', async () => {
      const future = kernel.requestExecute({ code: "print('Hello', input('name? '))" });
      const prompts = [];
      let text = '';
      future.onStdin = ({ header, content }) => {
        prompts.push([header.msg_type, content.prompt, kernel.hasPendingInput]);
        kernel.sendInputReply({ status: 'ok', value: 'Ada' }, header);
      };
      future.onIOPub = ({ content }) => {
        text += content.text ?? '';
      };
      await future.done;
      equal([prompts, text], [[['input_request', 'name? ', true]], 'Hello Ada\n']);
    });
    await check('update_display_data reaches the display of an earlier cell', async () => {
      const future = kernel.requestExecute(
        { code: "from IPython.display import display; h = display('old', display_id=True)" },
        false
      );
      const seen = [];
      future.onIOPub = ({ header, content }) => {
        content.data && seen.push([header.msg_type, content.data['text/plain']]);
      };
      await future.done;
      await run(kernel, "h.update('new')");
      await until('it is updated', () => seen.length === 2);
      equal(seen, [
        ['display_data', "'old'"],
        ['update_display_data', "'new'"]
      ]);
      future.dispose();
    });
    await check('registerMessageHook', async () => {
      const code = 'print("one", flush=True); 2';
      const future = kernel.requestExecute({ code });
      const hooked = [];
      const shown = [];
      kernel.registerMessageHook(future.msg.header.msg_id, ({ header }) => {
        hooked.push(header.msg_type);
        return header.msg_type !== 'stream';
      });
      future.onIOPub = ({ header }) => void shown.push(header.msg_type);
      await future.done;
      const inner = ['execute_input', 'stream', 'execute_result'];
      equal(
        inOnePiece(hooked, type => type),
        ['status', ...inner, 'status']
      );
      equal(
        shown,
        hooked.filter(type => type !== 'stream')
      );
    });
    await check('iopubMessage and anyMessage', async () => {
      const kinds = { iopub: [], send: [], recv: [] };
      const onIOPub = (_, { header }) => kinds.iopub.push(header.msg_type);
      const onAny = (_, { msg, direction }) => kinds[direction].push(msg.header.msg_type);
      kernel.iopubMessage.connect(onIOPub);
      kernel.anyMessage.connect(onAny);
      await run(kernel, 'print(1)');
      const isOver = () => kinds.iopub.length > 1 && kinds.iopub.at(-1) === 'status';
      await until('the kernel is at rest', isOver);
      kernel.iopubMessage.disconnect(onIOPub);
      kernel.anyMessage.disconnect(onAny);
      equal(
        inOnePiece(kinds.iopub, type => type),
        ['status', 'execute_input', 'stream', 'status']
      );
      equal(kinds.send, ['execute_request']);
      equal([...kinds.recv].sort(), [...kinds.iopub, 'execute_reply'].sort());
    });
    await check('requestComplete, requestInspect, requestIsComplete', async () => {
      const complete = await kernel.requestComplete({ code: 'pri', cursor_pos: 3 });
      equal(complete.content.matches.includes('print'), true);
      const inspect = await kernel.requestInspect({
        code: 'print',
        cursor_pos: 5,
        detail_level: 0
      });
      equal(inspect.content.found, true);
      const { content } = await kernel.requestIsComplete({ code: 'for x in y:' });
      equal(content.status, 'incomplete');
    });
    await check('requestHistory and requestCommInfo', async () => {
      const history = await kernel.requestHistory({
        output: false,
        raw: true,
        hist_access_type: 'tail',
        n: 3
      });
      equal(history.content.history.length, 3);
      equal((await kernel.requestCommInfo({})).content.comms, {});
    });
    await check('requestDebug', async () => {
      const future = kernel.requestDebug({ seq: 1, type: 'request', command: 'debugInfo' });
      const { channel, content } = await future.done;
      equal([channel, content.success, content.body.isStarted], ['control', true, false]);
    });
    await check('subshells', async () => {
      equal(kernel.supportsSubshells, true);
      const { content } = await kernel.requestCreateSubshell({}).done;
      const ids = (await kernel.requestListSubshell({}).done).content.subshell_id;
      equal(ids.includes(content.subshell_id), true);
      const busy = kernel.requestExecute({
        code: 'import time\nprint("begun", flush=True)\nwhile not "done" in globals(): time.sleep(0.05)'
      });
      await new Promise(resolve => {
        busy.onIOPub = ({ header }) => header.msg_type === 'stream' && resolve();
      });
      const beside = kernel.clone({ subshellId: content.subshell_id });
      equal(await printed(beside, 'done = True; print("meanwhile")'), 'meanwhile\n');
      equal((await busy.done).content.status, 'ok');
      beside.dispose(); // which deletes the subshell
      await until('the subshell is gone', async () => {
        const list = await kernel.requestListSubshell({}).done;
        return !list.content.subshell_id.includes(content.subshell_id);
      });
    });
    await kernel.shutdown();
    kernels.dispose();
  },

  async comms(check, { services, serverSettings, equal, until }) {
    const kernels = new services.KernelManager({ serverSettings });
    const kernel = await kernels.startNew({ name: 'python3' });
    const bytes = Uint8Array.from({ length: 70_000 }, (_, n) => n % 251);
    const received = [];
    const note = message => {
      const buffers = message.buffers.map(view => Buffer.from(view.buffer ?? view));
      received.push([message.header.msg_type, message.content.data, buffers]);
    };
    const whole = (...buffers) => buffers.map(buffer => Buffer.from(buffer));
    await check('opened by the page', async () => {
      await run(
        kernel,
        `
def opened(comm, message):
    comm.send({"opened": message["content"]["data"]}, buffers=message["buffers"])
    @comm.on_msg
    def got(message):
        comm.send({"back": message["content"]["data"]}, buffers=message["buffers"][::-1])
    @comm.on_close
    def closed(message):
        print("closed", message["content"]["data"], flush=True)
get_ipython().kernel.comm_manager.register_target("tea", opened)`
      );
      const comm = kernel.createComm('tea');
      comm.onMsg = note;
      await comm.open({ leaves: 3 }, {}, [bytes.buffer]).done;
      await until('it answers', () => received.length === 1);
      equal(received.pop(), ['comm_msg', { opened: { leaves: 3 } }, whole(bytes)]);
      const small = new Uint8Array([1, 2, 3]);
      await comm.send({ ask: 'ü' }, {}, [bytes.buffer, small.buffer]).done;
      await until('it answers', () => received.length === 1);
      equal(received.pop(), ['comm_msg', { back: { ask: 'ü' } }, whole(small, bytes)]);
      equal(kernel.hasComm(comm.commId), true);
      const { comms } = (await kernel.requestCommInfo({ target_name: 'tea' })).content;
      equal(comms, { [comm.commId]: { target_name: 'tea' } });
      let text = '';
      const onText = (_, { content }) => {
        text += content.text ?? '';
      };
      kernel.iopubMessage.connect(onText);
      await comm.close({ bye: true }).done;
      const heard = () => text === "closed {'bye': True}\n";
      await until('the kernel has heard', heard, () => JSON.stringify(text));
      kernel.iopubMessage.disconnect(onText);
      equal([comm.isDisposed, kernel.hasComm(comm.commId)], [true, false]);
    });
    await check('opened by the kernel', async () => {
      let comm;
      kernel.registerCommTarget('cup', (opened, message) => {
        comm = opened;
        note(message);
        comm.onMsg = note;
        comm.onClose = note;
      });
      await run(
        kernel,
        `
from comm import create_comm
cup = create_comm(target_name="cup", data={"size": 2}, buffers=[b"\\x00\\xff", b""])
cup.on_msg(lambda message: cup.send({"n": message["content"]["data"]}, buffers=[b"x"]))`
      );
      await until('it is open', () => received.length === 1);
      equal(received.pop(), [
        'comm_open',
        { size: 2 },
        whole(new Uint8Array([0, 255]), new Uint8Array())
      ]);
      await comm.send(7).done;
      await until('it answers', () => received.length === 1);
      equal(received.pop(), ['comm_msg', { n: 7 }, whole('x')]);
      await run(kernel, 'cup.close({"empty": True})');
      await until('it is closed', () => received.length === 1);
      equal(received.pop(), ['comm_close', { empty: true }, []]);
    });
    await check('opened by the kernel, unknown to the page', async () => {
      await run(kernel, 'lost = create_comm(target_name="saucer")');
      await until('it is closed again', async () => {
        const { comms } = (await kernel.requestCommInfo({ target_name: 'saucer' })).content;
        return Object.keys(comms).length === 0;
      });
    });
    await kernel.shutdown();
    kernels.dispose();
  }
};

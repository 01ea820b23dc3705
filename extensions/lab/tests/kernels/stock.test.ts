// @vitest-environment node
/** The inside of JupyterLab is as `src/kernels` takes it to be. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const stock = '../../../../node_modules/@jupyterlab/';

it('is the version that the code was written against', () => {
  // Another one? Read its cellexecutor.js, sessioncontext.js and kernel/default.js again first.
  expect(JSON.parse(read(`${stock}notebook/package.json`)).version).toBe('4.6.4');
});

it('has notebooks that connect with the method that `silence` disconnects', () => {
  expect(read(`${stock}notebook/lib/panel.js`)).toContain(
    'sessionContext.statusChanged.connect(this._onSessionStatusChanged, this)'
  );
});

it('has consoles that connect with the method that `keepUntilKernel` disconnects', () => {
  expect(read(`${stock}console/lib/widget.js`)).toContain(
    'sessionContext.kernelChanged.connect(this._onKernelChanged, this)'
  );
});

it('has session contexts that tell of a death with the method that `tellOfStillborn` calls', () => {
  expect(read(`${stock}apputils/lib/sessioncontext.js`)).toContain(
    'session.statusChanged.connect(this._onStatusChanged, this)'
  );
});

it('opens the channels of a kernel at the address that `Progress` knows', () => {
  const code = read(`${stock}services/lib/kernel/default.js`);
  expect(code).toContain("'channels?session_id=' + encodeURIComponent(this._clientId)");
  expect(code).toContain('new settings.WebSocket(url, supportedProtocols)');
});

it('asks for a kernel before it opens its channels again', () => {
  expect(read(`${stock}services/lib/kernel/default.js`)).toContain(
    'await this._kernelAPIClient.getModel(this._id)'
  );
});

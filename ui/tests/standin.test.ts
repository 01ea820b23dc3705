/** What a labextension has for `@plughost/host`, since stock JupyterLab does not share it. */

import { expect, it } from 'vitest';
import * as host from '../src/index';

const file = '../../build_tools/plughost_build/node/shims/host.mjs';

it('has what the host exports, and it does the same', async () => {
  const standIn = (await import(/* @vite-ignore */ file)) as typeof host;
  expect(Object.keys(standIn)).toEqual(Object.keys(host));
  const definitions = [
    { id: 'a:plain', activate: () => undefined },
    { id: 'a:whole', autoStart: 'defer', requires: [], description: 'Whole.', activate: () => 7 }
  ] as const;
  for (const each of definitions) {
    expect(standIn.definePlugin(each)).toEqual(host.definePlugin(each));
  }
  const logs = [standIn.definePlugin, host.definePlugin].map(async define => {
    const log: string[] = [];
    const plugin = define({
      id: 'a:keeper',
      activate: (_app: unknown, keep) => {
        keep(() => log.push('first'));
        keep({ dispose: () => void log.push('second') });
      },
      deactivate: () => void log.push('own')
    });
    await plugin.activate(null);
    await plugin.deactivate?.(null);
    return log;
  });
  expect(await Promise.all(logs)).toEqual(Array(2).fill(['own', 'second', 'first']));
});

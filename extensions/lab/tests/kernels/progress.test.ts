/** What a client says it has seen when it comes back. */

import type { KernelMessage } from '@jupyterlab/services';
import { expect, it } from 'vitest';
import { Progress } from '../../src/kernels/progress';

const message = (metadata: object) => ({ metadata }) as unknown as KernelMessage.IMessage;
const channels = (kernel: string, client: string) =>
  `ws://127.0.0.1/base/api/kernels/${kernel}/channels?session_id=${client}`;

it('is the last numbered message of that kernel and client', () => {
  const progress = new Progress();
  progress.note('k', 'c', message({ plughost: { epoch: 'a1', n: 4 } }));
  progress.note('k', 'c', message({ plughost: { epoch: 'a1', n: 5 } }));
  progress.note('k', 'c', message({}));
  progress.note('k', 'd', message({ plughost: { epoch: 'b2', n: 1 } }));
  expect(progress.resume(channels('k', 'c'))).toBe(`${channels('k', 'c')}&since=a1%3A5`);
  expect(progress.resume(channels('k', 'd'))).toBe(`${channels('k', 'd')}&since=b2%3A1`);
  progress.forget('k', 'c');
  for (const url of [channels('k', 'c'), channels('other', 'd'), 'ws://127.0.0.1/elsewhere']) {
    expect(progress.resume(url)).toBe(url);
  }
});

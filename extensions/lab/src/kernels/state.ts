/** The end of a kernel, for who only has a connection to it. */

import type { Kernel } from '@jupyterlab/services';

/** Whether nothing will ever come from a kernel again. */
export function isOver(kernel: Kernel.IKernelConnection): boolean {
  return kernel.isDisposed || kernel.status === 'dead';
}

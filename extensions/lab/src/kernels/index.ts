/** Kernels as a person meets them: code that waits for them, their deaths, and a lost server. */

import type { IPlugin } from '@lumino/coreutils';
import { kernelManager } from './connections';
import { deaths } from './deaths';
import { debuggerQuestions } from './debugger';
import { sessionDialogs } from './dialogs';
import {
  consoleExecutor,
  consoleFactory,
  interrupts,
  kernelQueue,
  notebookExecutor
} from './executors';
import { kernelStatus } from './indicator';
import { connectionLost, kernelIndicator, link, outageItem, refresh } from './outage';
import { questions } from './questions';

/** Each in the place of the stock plugin of its id. */
export const insteadOfStock: readonly IPlugin<any, any>[] = [
  kernelManager,
  sessionDialogs,
  notebookExecutor,
  consoleFactory,
  consoleExecutor
];

export const kernels: readonly IPlugin<any, any>[] = [
  link,
  connectionLost,
  refresh,
  outageItem,
  kernelIndicator,
  kernelStatus,
  debuggerQuestions,
  kernelQueue,
  interrupts,
  deaths,
  questions
];

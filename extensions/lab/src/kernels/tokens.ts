/** What plugins here share with one another. */

import { Token } from '@lumino/coreutils';
import type { ILink as Link } from './link';
import type { KernelQueue } from './queue';

/** Where code waits for its kernel. */
export const IKernelQueue = new Token<KernelQueue>(
  '@plughost/lab:IKernelQueue',
  'The lines in which code waits for its kernel.'
);

/** The page's link to the server. */
export type ILink = Link;

export const ILink = new Token<ILink>(
  '@plughost/lab:ILink',
  "The page's link to the server: whether it holds, and when it is tried again."
);

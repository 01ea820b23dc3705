/** The name under which a person knows a kernel: its document's path, or its console's name. */

import type { Session } from '@jupyterlab/services';

export function placeOf({ type, path, name }: Session.IModel): string {
  return type === 'console' ? name : path;
}

/** That of a kernel by its id, which is returned where no session has it. */
export function placeOfKernel(sessions: Session.IManager, id: string): string {
  const session = [...sessions.running()].find(({ kernel }) => kernel?.id === id);
  return session ? placeOf(session) : id;
}

/**
 * Problems: told to the server, whose records of extensions show them; and errors that nobody
 * has caught, noted for the extension through whose code they came.
 *
 * A page loads this file once there is something to tell. It imports nothing of the host's other
 * files, so that they stay one.
 */

import type { IBoot } from './boot';
import type { IRecord, Records } from './records';

/** Milliseconds between two reports; longer after each, up to `LONGEST`. */
const PAUSE = 1000;
const LONGEST = 60_000;
/** What one report has at most: the server takes no more either. */
const MOST = 100;
const LENGTH = 2000;

/**
 * Tell the server what problems there are, and again whenever others come or go.
 *
 * A report has all of them, so one that is lost is made up for by the next, which comes by itself.
 */
export function report({ baseUrl, page }: IBoot, records: Records): void {
  const url = `${baseUrl}plughost/api/pages/${encodeURIComponent(page)}/problems`;
  const visit = Math.random().toString(36).slice(2);
  let pause = PAUSE;
  let told = '';
  let planned = false;
  const plan = (): void => {
    if (!planned) {
      planned = true;
      setTimeout(tell, pause);
      pause = Math.min(pause * 1.5, LONGEST);
    }
  };
  const tell = async (): Promise<void> => {
    planned = false;
    const problems = records.problems().slice(0, MOST).map(toldOf);
    const body = JSON.stringify({ visit, problems });
    if (body === told) {
      return;
    }
    const why = await post(url, body);
    if (why === null) {
      told = body;
    } else {
      console.warn('plughost: the server could not be told of problems in this page.', why);
      plan();
    }
  };
  records.changed.add(plan);
  void tell();
}

/** Send it; what has gone wrong, if something has. */
async function post(url: string, body: string): Promise<unknown> {
  try {
    const headers = { 'Content-Type': 'application/json' };
    const { ok, statusText } = await fetch(url, { method: 'POST', body, headers });
    return ok ? null : statusText;
  } catch (error) {
    return error;
  }
}

/** What the server is told of one; it adds when, and how often. */
function toldOf({ kind, name, extension, state, phase, error, hint }: IRecord) {
  const [what, todo] = [error ?? '', hint ?? ''].map(text => text.slice(0, LENGTH));
  return { kind, name: name.slice(0, LENGTH), extension, state, phase, error: what, hint: todo };
}

/**
 * Note an error that nobody has caught for the extension through whose code it came last, as far
 * as its stack tells; files that have been joined into a bundle are nobody's.
 */
export function blame(
  event: ErrorEvent | PromiseRejectionEvent,
  { boot, records }: { boot: IBoot; records: Records }
): void {
  const error: unknown = 'reason' in event ? event.reason : event.error;
  const filename = 'filename' in event ? event.filename : '';
  const stack = error instanceof Error ? (error.stack ?? '').replace(error.message, '') : filename;
  const containers = boot.federation?.containers.filter(({ script }) => script) ?? [];
  const guests = [
    ...boot.frontends.map(({ package: name, module }) => ({ name, folder: folderOf(module) })),
    ...containers.map(({ package: name, script }) => ({ name, folder: folderOf(script) }))
  ];
  const [first] = guests
    .map(({ name, folder }) => ({ name, at: stack.indexOf(folder) }))
    .filter(({ at }) => at >= 0)
    .sort((one, other) => one.at - other.at);
  const record = first && records.find(first.name);
  if (record && record.error === null) {
    const said = error instanceof Error ? error.message : event.type;
    record.error = `Nobody has caught an error in its code: ${said}`;
    const { hint } = containers.find(each => each.package === record.name) ?? {};
    record.hint = hint ?? `Report this to the author of "${record.name}".`;
  }
}

/** The address below which lies whatever belongs to a module or a container. */
function folderOf(url: string): string {
  return new URL('.', new URL(url, document.baseURI)).href;
}

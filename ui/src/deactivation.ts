/**
 * Deactivation: under guard and on record as activation is, users before what they use.
 *
 * Few pages load this file. It imports nothing of the host's other files, so that they stay one.
 */

import type { Token } from '@lumino/coreutils';
import type { within } from './modules';
import type { IApp } from './plugin';
import type { IEntry } from './plugins';
import type { fail } from './records';

/** What it needs of the host's other files. */
interface ITools {
  readonly within: typeof within;
  readonly fail: typeof fail;
}

/**
 * Deactivate those `named` that are active, after whoever of all `entries` uses what they provide.
 *
 * They are `idle` afterwards: what needs or names them activates them. Returns their ids, in
 * that order. Rejects, with nothing changed, when one of them cannot be deactivated.
 */
export async function deactivate(
  named: IEntry[],
  entries: IEntry[],
  app: IApp,
  tools: ITools
): Promise<string[]> {
  const going = withUsers(named, entries);
  const rigid = going.find(({ plugin }) => !plugin.deactivate || !app.deactivatePlugin)?.record;
  if (rigid) {
    throw new Error(
      `Plugin "${rigid.name}" of extension "${rigid.extension}" cannot be deactivated: ` +
        'it has no "deactivate". Reload the page without it instead.'
    );
  }
  for (const entry of going) {
    await app.deactivatePlugin?.(entry.plugin.id);
    // The app does not know of one that it has not waited for.
    await undo(entry, tools);
  }
  return going.map(({ plugin }) => plugin.id);
}

/** Whoever is named and active and, each before what it uses, whoever uses them. */
function withUsers(named: IEntry[], entries: IEntry[]): IEntry[] {
  const seen = new Set<IEntry>();
  const order: IEntry[] = [];
  const visit = (entry: IEntry): void => {
    if (seen.has(entry) || !entry.undo) {
      return;
    }
    seen.add(entry);
    const { provides } = entry.plugin;
    if (provides) {
      entries.filter(other => uses(other, provides)).forEach(visit);
    }
    order.push(entry);
  };
  named.forEach(visit);
  return order;
}

function uses({ plugin }: IEntry, token: Token<any>): boolean {
  return [...(plugin.requires ?? []), ...(plugin.optional ?? [])].includes(token);
}

/**
 * Undo the activation of one plugin; what goes wrong is on record, and nothing more.
 *
 * @throws TypeError when it has nothing that does.
 */
export async function undo(entry: IEntry, { within, fail }: ITools): Promise<void> {
  const { plugin, record, patience, undo: work } = entry;
  if (!work) {
    return;
  }
  if (!plugin.deactivate) {
    throw new TypeError(`Plugin "${plugin.id}" has no "deactivate".`);
  }
  entry.undo = entry.run = null;
  entry.eager = entry.late = false;
  record.phase = 'deactivate';
  const start = performance.now();
  try {
    if (!(await within(Promise.resolve().then(work), patience))) {
      throw new Error(`Still deactivating after ${patience} ms.`);
    }
    record.state = 'idle';
  } catch (error) {
    fail(record, error, 'Something of it may still be there: reload the page.');
  }
  record.ms = performance.now() - start;
}

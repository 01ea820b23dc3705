/** Frontend modules: imported under guard, each with a record; none makes another wait. */

import type { IBundle, IFrontend } from './boot';
import { fail, type IRecord, textOf } from './records';

/** What a frontend's module exports. */
interface IModule {
  readonly default?: unknown;
  /** Of a bundle: functions that run the modules of frontends, by their extensions' names. */
  readonly modules?: Readonly<Record<string, () => Promise<IModule>>>;
}

/** How a module is imported, by its address or bare; tests pass their own. */
export type Importer = (url: string) => Promise<IModule>;

/** The browser's own `import()`; the bundler leaves a computed address alone. */
export const importModule: Importer = url => import(/* @vite-ignore */ url);

/**
 * Import one frontend's module, from the page's bundle if that has it; returns its default export.
 *
 * The record says what became of it. A rejection means that it failed, and has been reported.
 */
export async function load(
  frontend: IFrontend,
  record: IRecord,
  importer: Importer,
  bundle: IBundle | null
): Promise<unknown> {
  const start = performance.now();
  try {
    const { extension } = frontend;
    const module = bundle?.extensions.includes(extension)
      ? await (await importer(address(bundle.module))).modules?.[extension]?.()
      : await importer(address(frontend.module));
    record.ms = performance.now() - start;
    record.hint = null;
    if (module?.default === undefined) {
      throw new Error('The module has no default export.');
    }
    return module.default;
  } catch (error) {
    record.ms = performance.now() - start;
    fail(record, error, await advise(frontend, error));
    throw error;
  }
}

function address(url: string): string {
  return new URL(url, document.baseURI).href;
}

/** Wait for `work`, at most `ms`: its value in an array, or `null` when it takes longer. */
export async function within<T>(work: Promise<T>, ms: number): Promise<[T] | null> {
  if (ms === Infinity) {
    return [await work];
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<null>(resolve => {
    timer = setTimeout(resolve, ms, null);
  });
  try {
    return await Promise.race([work.then<[T]>(value => [value]), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Say what to do about a failed import.
 *
 * Browsers report a missing file, a missing file below it and a refused type alike, so ask the
 * server what it says of the module itself.
 */
async function advise(frontend: IFrontend, error: unknown): Promise<string> {
  const message = textOf(error);
  if (error instanceof Error && 'hint' in error) {
    return String(error.hint);
  }
  const bare = /resolve module specifier ['"]([^'"]+)['"]/.exec(message);
  if (bare) {
    return `No enabled extension provides "${bare[1]}": enable or install the one that does.`;
  }
  if (/does not provide an export named/.test(message)) {
    return `It was built against another version of what it imports: build "${frontend.package}" again, or install a matching version.`;
  }
  if (error instanceof TypeError && /import|fetch|load/i.test(message)) {
    const status = await ask(frontend.module);
    if (status !== 200) {
      return `The server answered ${status} for ${frontend.module}: reload the page; if that does not help, build or reinstall "${frontend.extension}".`;
    }
  }
  return `Report this to the author of "${frontend.package}".`;
}

async function ask(url: string): Promise<number | string> {
  try {
    return (await fetch(url, { method: 'HEAD', cache: 'no-store' })).status;
  } catch {
    return 'nothing';
  }
}

/**
 * The browser host: reads the boot data, loads the page's modules, keeps records, hands the
 * plugins to the page's app.
 *
 * Imported by the page it runs it; imported by an extension it offers `definePlugin` and types.
 */

import { readBoot } from './boot';
import { showNotice } from './notice';
import { Page } from './page';

export type { IBoot, IBundle, IContainer, IFederation, IFrontend, IPatience } from './boot';
export type { CreateApp, IPage } from './page';
export {
  type Admission,
  definePlugin,
  type IApp,
  type IPluginDefinition,
  type Keep,
  type Undo
} from './plugin';
export type { IRecord, Phase, Records, State } from './records';

declare global {
  interface Window {
    /** The running page, for people at the console and for tests. */
    plughost?: Page;
  }
}

/**
 * Run the page, and tell the world how far it is: `<html data-plughost="loading|ready|failed">`,
 * and the window's event `plughost-ready`.
 */
async function run(): Promise<void> {
  const state = document.documentElement.dataset;
  let page: Page | undefined;
  try {
    const boot = readBoot(document);
    if (!boot) {
      return;
    }
    state.plughost = 'loading';
    page = window.plughost = new Page(boot);
    listen(page);
    await page.start();
    state.plughost = 'ready';
    performance.mark('plughost-ready');
    window.dispatchEvent(new Event('plughost-ready'));
  } catch (error) {
    state.plughost = 'failed';
    console.error('plughost: the page could not start.', error);
    showNotice(document, error, page?.records.find(page.boot.app.package));
  }
  if (page) {
    watch(page);
  }
}

const problems = () => import('./problems');

/** Note in the records what is thrown in an extension's code and caught by nobody. */
function listen(page: Page): void {
  for (const kind of ['error', 'unhandledrejection'] as const) {
    window.addEventListener(kind, event =>
      problems().then(({ blame }) => blame(event, page), console.warn)
    );
  }
}

/** Tell the server of problems, now or once there are some; what it knows may have passed, too. */
function watch({ boot, records }: Page): void {
  const look = (): void => {
    if (boot.problems || boot.federation?.problems || records.problems().length > 0) {
      records.changed.delete(look);
      problems().then(({ report }) => report(boot, records), console.warn);
    }
  };
  records.changed.add(look);
  look();
}

void run();

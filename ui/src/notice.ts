/** The message a person sees when the page's app itself cannot start. */

import { type IRecord, textOf } from './records';

/** Put the notice in place of the page's content. */
export function showNotice(page: Document, error: unknown, app: IRecord | undefined): void {
  const heading = page.createElement('h1');
  heading.textContent = 'This page could not start';
  const what = page.createElement('p');
  const reason = textOf(error);
  what.textContent = app ? `${app.name} (extension "${app.extension}"): ${reason}` : reason;
  const next = page.createElement('p');
  next.textContent =
    app?.hint ?? 'Reload the page; if that does not help, restart the server and read its log.';
  const alert = page.createElement('div');
  alert.setAttribute('role', 'alert');
  alert.append(heading, what, next);
  const notice = page.createElement('main');
  notice.id = 'plughost-notice';
  // In the system's colours, over whatever theme the app that failed has left on the body.
  notice.style.cssText =
    'position:fixed;inset:0;overflow:auto;padding:4em max(1em,50vw - 20em);' +
    'font:16px/1.5 system-ui,sans-serif;color-scheme:light dark;background:Canvas;color:CanvasText';
  notice.append(alert);
  page.body.replaceChildren(notice);
}

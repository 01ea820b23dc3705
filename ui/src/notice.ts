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
  const notice = page.createElement('main');
  notice.id = 'plughost-notice';
  notice.setAttribute('role', 'alert');
  notice.style.cssText = 'max-width: 40em; margin: 4em auto; font: 16px/1.5 system-ui, sans-serif';
  notice.append(heading, what, next);
  page.body.replaceChildren(notice);
}

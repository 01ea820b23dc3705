/**
 * What the page's policy keeps out is told: outputs and documents that name content of other
 * servers would only be empty otherwise. A notification names the servers; how to let them in is
 * a click away.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import { showCopyable } from '../copyable';
import { originOf, settingFor } from './text';

/** Milliseconds for which it is in the way; later, it is found among the notifications. */
const SHOWN = 15000;

/** Milliseconds without another one: a document names several at once. */
const GATHERED = 500;

export const externalContent: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:external-content',
  description: 'Tells which servers this page may not load content from, and how to allow it.',
  autoStart: true,
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, translator: ITranslator | null): void => {
    const kept = new KeptOut((translator ?? nullTranslator).load('plughost'));
    document.addEventListener('securitypolicyviolation', ({ blockedURI }) => {
      const origin = originOf(blockedURI, window.location.origin);
      if (origin !== undefined) {
        kept.add(origin);
      }
    });
  }
};

/** The origins that something was not loaded from: one notification for all of them. */
class KeptOut {
  constructor(trans: TranslationBundle) {
    this._trans = trans;
  }

  add(origin: string): void {
    if (!this._origins.has(origin)) {
      this._origins.add(origin);
      window.clearTimeout(this._gathering);
      this._gathering = window.setTimeout(() => this._tell(), GATHERED);
    }
  }

  private _tell(): void {
    const told = {
      message: this._message(),
      autoClose: SHOWN,
      actions: [{ label: this._trans.__('How to Allow It'), callback: () => void this._show() }]
    };
    if (!Notification.update({ id: this._notification, ...told })) {
      this._notification = Notification.warning(told.message, told);
    }
  }

  private _message(): string {
    const [host, ...others] = [...this._origins].map(origin => new URL(origin).host);
    return this._trans._n(
      'Content from %2 was not loaded: this page allows none from there.',
      'Content from %2 and other servers was not loaded: this page allows none from there.',
      others.length + 1,
      host
    );
  }

  private _show(): Promise<void> {
    const allowed = JSON.parse(PageConfig.getOption('externalContent') || '[]');
    const setting = settingFor([...allowed, ...this._origins]);
    const body = document.createElement('div');
    const [what, how] = [
      this._trans.__(
        'Something in this page, such as an output or a document, names content of these servers. Scripts from there can do all that you can do here, and what is loaded tells them that you look at it.'
      ),
      this._trans.__(
        'If you trust them, this belongs into plughost.toml, which "plughost config edit" opens, and start plughost again:'
      )
    ].map(text => Object.assign(document.createElement('p'), { textContent: text }));
    const lines = Object.assign(document.createElement('pre'), { textContent: setting });
    lines.tabIndex = 0; // it may scroll
    body.append(what, how, lines);
    return showCopyable(this._trans.__('Content of other servers'), body, setting, this._trans);
  }

  private readonly _origins = new Set<string>();
  private _notification = '';
  private _gathering = 0;
  private readonly _trans: TranslationBundle;
}

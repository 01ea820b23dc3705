/** What a person sees of a lost link: one item, which says so and tries again. */

import { IConnectionLost, type JupyterFrontEnd } from '@jupyterlab/application';
import { URLExt } from '@jupyterlab/coreutils';
import { IConnectionStatus, IServerSettings, ServerConnection } from '@jupyterlab/services';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { IPlugin } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import { type Answer, type IOutage, Link } from './link';
import { ILink } from './tokens';

/** How long a server may take to give a sign of life. */
const PATIENCE = 10_000;

const KERNEL_INDICATOR = '.jp-Notebook-ExecutionIndicator';

/** Ask the server for a sign of life. */
async function ask(settings: ServerConnection.ISettings): Promise<Answer> {
  const url = URLExt.join(settings.baseUrl, 'api/status?no_track_activity=1');
  try {
    const init = { signal: AbortSignal.timeout(PATIENCE) };
    const { ok, status } = await ServerConnection.makeRequest(url, init, settings);
    return ok ? 'up' : status === 401 || status === 403 ? 'refused' : 'down';
  } catch {
    return 'down';
  }
}

export const link: IPlugin<null, ILink> = {
  id: '@plughost/lab:link',
  description: 'Provides the link to the server, and lets what polls it pause while it is lost.',
  autoStart: true,
  provides: ILink,
  optional: [IServerSettings, IConnectionStatus],
  activate: (
    _: null,
    serverSettings: ServerConnection.ISettings | null,
    connectionStatus: IConnectionStatus | null
  ) => {
    const settings = serverSettings ?? ServerConnection.makeSettings();
    const link = new Link(() => ask(settings));
    link.changed.connect(() => {
      if (connectionStatus) {
        connectionStatus.isConnected = link.outage === null;
      }
    });
    return link;
  }
};

export const connectionLost: IPlugin<JupyterFrontEnd, IConnectionLost> = {
  id: '@plughost/lab:connection-lost',
  description: 'Lets the link find out, where JupyterLab would show a dialog.',
  autoStart: true,
  provides: IConnectionLost,
  requires: [ILink],
  activate:
    (_app: JupyterFrontEnd, link: ILink): IConnectionLost =>
    () =>
      link.suspect()
};

export const refresh: IPlugin<JupyterFrontEnd, void> = {
  id: '@plughost/lab:link-refresh',
  description: 'Looks at what runs when the server answers again.',
  autoStart: true,
  requires: [ILink],
  activate: ({ serviceManager }: JupyterFrontEnd, link: ILink) => {
    // A connection to a kernel that has ended meanwhile would be opened for ever.
    link.answered.connect(() => {
      const { kernels, sessions, terminals } = serviceManager;
      for (const manager of [kernels, sessions, terminals]) {
        void manager.refreshRunning().catch(() => undefined);
      }
    });
  }
};

/** How an outage stands, in words. */
export function words({ next, refused }: IOutage, now: number, trans: TranslationBundle): string {
  if (next === null) {
    return trans.__('Connecting to the server…');
  }
  const seconds = Math.max(0, Math.ceil((next - now) / 1000));
  return refused
    ? trans.__('Signed out: trying again in %1 s', seconds)
    : trans.__('Server connection lost: trying again in %1 s', seconds);
}

/** The item: counts down, and tries at once when it is pressed. */
class OutageItem extends Widget {
  constructor(link: ILink, trans: TranslationBundle) {
    super({ node: document.createElement('button') });
    this._link = link;
    this._trans = trans;
    this.addClass('ph-Outage');
    this.node.title = trans.__('Try now');
    this.node.addEventListener('click', () => link.retry());
    link.changed.connect(this._draw, this);
  }

  override dispose(): void {
    clearTimeout(this._timer);
    super.dispose();
  }

  private _draw(): void {
    clearTimeout(this._timer);
    const { outage } = this._link;
    if (!outage) {
      return;
    }
    this.node.textContent = words(outage, Date.now(), this._trans);
    if (outage.next !== null) {
      this._timer = window.setTimeout(() => this._draw(), 1000);
    }
  }

  private readonly _link: ILink;
  private readonly _trans: TranslationBundle;
  private _timer: number | undefined;
}

export const outageItem: IPlugin<JupyterFrontEnd, void> = {
  id: '@plughost/lab:link-status',
  description: 'Shows that the server cannot be reached, in the status bar or where that would be.',
  autoStart: true,
  requires: [ILink, IStatusBar],
  optional: [ITranslator],
  activate: (
    _app: JupyterFrontEnd,
    link: ILink,
    statusBar: IStatusBar,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyterlab');
    const item = new OutageItem(link, trans);
    statusBar.registerStatusItem('@plughost/lab:link-status', {
      item,
      align: 'left',
      rank: 0,
      priority: 2,
      isActive: () => link.outage !== null,
      activeStateChanged: link.changed
    });
    const floating = new OutageItem(link, trans);
    floating.addClass('ph-mod-floating');
    link.changed.connect(() => {
      const isHidden = link.outage !== null && !item.isVisible;
      if (isHidden && !floating.isAttached) {
        Widget.attach(floating, document.body);
      } else if (!isHidden && floating.isAttached) {
        Widget.detach(floating);
      }
    });
  }
};

export const kernelIndicator: IPlugin<JupyterFrontEnd, void> = {
  id: '@plughost/lab:link-kernel-indicator',
  description: "Tries to reach the server when a notebook's kernel indicator is clicked.",
  autoStart: true,
  requires: [ILink],
  activate: (app: JupyterFrontEnd, link: ILink) => {
    app.shell.node.addEventListener('click', ({ target }) => {
      if ((target as Element).closest(KERNEL_INDICATOR)) {
        link.retry();
      }
    });
  }
};

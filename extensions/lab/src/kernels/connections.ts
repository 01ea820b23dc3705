/**
 * Connections to kernels that come back, however long the server was away, and miss nothing.
 *
 * A stock connection tries seven times, or asks for its kernel now and then and at random. Here it
 * waits for the link instead, and says which message was the last it has seen.
 */

import {
  IConnectionStatus,
  IKernelManager,
  IServerSettings,
  type Kernel,
  KernelAPI,
  KernelManager,
  type KernelMessage,
  ServerConnection
} from '@jupyterlab/services';
import type { IPlugin } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';
import { Progress } from './progress';
import { isOver } from './state';
import { ILink } from './tokens';

/** What the server says of a kernel whose process has ended. */
export interface IDeath {
  readonly id: string;
  /** Whether it is started anew. */
  readonly isRestarting: boolean;
  readonly reason: string;
  readonly stderr: readonly string[];
}

/** What a kernel has asked somebody who is not there any more. */
export interface IQuestion {
  readonly kernel: Kernel.IKernelConnection;
  readonly message: KernelMessage.IInputRequestMsg;
}

/** Replies of what stands between us and a server that is away, or does not know us. */
const AWAY = new Set([401, 403, 424, 502, 503, 504]);

/** A server that is starting has this long before its kernels are asked for again. */
const SHORT_PAUSE = 1_000;

/** Asks for a kernel when the server can be reached, rather than to find out. */
class PatientKernelAPI extends KernelAPI.KernelAPIClient {
  constructor(serverSettings: ServerConnection.ISettings, link: ILink) {
    super({ serverSettings });
    this._link = link;
  }

  override async getModel(id: string): Promise<Kernel.IModel | undefined> {
    for (;;) {
      try {
        return await super.getModel(id);
      } catch (error) {
        if (!isAway(error)) {
          throw error;
        }
        const shortly = new Promise(resolve => window.setTimeout(resolve, SHORT_PAUSE));
        await Promise.all([this._link.suspect(), shortly]);
      }
    }
  }

  private readonly _link: ILink;
}

function isAway(error: unknown): boolean {
  return (
    error instanceof ServerConnection.NetworkError ||
    (error instanceof ServerConnection.ResponseError && AWAY.has(error.response.status))
  );
}

/** The stock manager, with an eye on each of its connections. */
export class LinkedKernels extends KernelManager {
  constructor({ link, ...options }: KernelManager.IOptions & { link: ILink }) {
    const progress = new Progress();
    const settings = options.serverSettings ?? ServerConnection.makeSettings();
    const serverSettings = {
      ...settings,
      WebSocket: class extends settings.WebSocket {
        constructor(url: string | URL, protocols?: string | string[]) {
          super(progress.resume(`${url}`), protocols);
        }
      }
    };
    const kernelAPIClient = new PatientKernelAPI(serverSettings, link);
    super({ ...options, serverSettings, kernelAPIClient });
    this._link = link;
    this._progress = progress;
  }

  /** A kernel's process has ended, and nobody had asked for it; each connection tells of it. */
  get died(): ISignal<this, IDeath> {
    return this._died;
  }

  /**
   * Hear what kernels ask that none of this page's requests has led to, from each connection; what
   * has been asked already is told at once.
   */
  onQuestion(ask: (question: IQuestion) => void): void {
    this._ask = ask;
    this._early.splice(0).forEach(ask);
  }

  override connectTo(
    options: Omit<Kernel.IKernelConnection.IOptions, 'serverSettings'>
  ): Kernel.IKernelConnection {
    const connection = super.connectTo(options);
    connection.anyMessage.connect(this._onMessage, this);
    connection.connectionStatusChanged.connect(this._onConnectionStatus, this);
    connection.disposed.connect(({ id, clientId }) => this._progress.forget(id, clientId));
    return connection;
  }

  private _onMessage(
    kernel: Kernel.IKernelConnection,
    { msg, direction }: Kernel.IAnyMessageArgs
  ): void {
    const { id, clientId } = kernel;
    if (direction !== 'recv') {
      return;
    }
    this._progress.note(id, clientId, msg);
    if (msg.header.msg_type === 'status') {
      const { execution_state, reason, stderr } = msg.content as Record<string, unknown>;
      if (typeof reason === 'string') {
        const isRestarting = execution_state !== 'dead';
        this._died.emit({ id, isRestarting, reason, stderr: (stderr as string[]) ?? [] });
      }
    } else if (msg.header.msg_type === 'input_request' && !isOf(clientId, msg)) {
      this._ask({ kernel, message: msg as KernelMessage.IInputRequestMsg });
    }
  }

  private _onConnectionStatus(
    connection: Kernel.IKernelConnection,
    status: Kernel.ConnectionStatus
  ): void {
    if (status === 'disconnected' && !isOver(connection)) {
      this._link.lost({
        get isDown() {
          return !isOver(connection) && connection.connectionStatus !== 'connected';
        },
        reconnect: () => connection.reconnect()
      });
    }
  }

  private readonly _link: ILink;
  private readonly _progress: Progress;
  private readonly _died = new Signal<this, IDeath>(this);
  private readonly _early: IQuestion[] = [];
  private _ask = (question: IQuestion): void => void this._early.push(question);
}

/** Whether a request of this client has led to a message. */
function isOf(clientId: string, { parent_header: parent }: KernelMessage.IMessage): boolean {
  return 'session' in parent && parent.session === clientId;
}

/** Takes the place of the stock plugin of the same id. */
export const kernelManager: IPlugin<null, Kernel.IManager> = {
  id: '@jupyterlab/services-extension:kernel-manager',
  description: 'Provides the kernel manager.',
  autoStart: true,
  provides: IKernelManager,
  requires: [ILink],
  optional: [IServerSettings, IConnectionStatus],
  activate: (
    _: null,
    link: ILink,
    serverSettings: ServerConnection.ISettings | null,
    connectionStatus: IConnectionStatus | null
  ) =>
    new LinkedKernels({
      link,
      serverSettings: serverSettings ?? undefined,
      standby: () => connectionStatus?.isConnected === false || 'when-hidden'
    })
};

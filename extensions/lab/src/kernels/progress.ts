/** How far each client of each kernel has come, so that it can go on there. */

import type { KernelMessage } from '@jupyterlab/services';

const CHANNELS = /\/api\/kernels\/([^/?]+)\/channels\?session_id=([^&]+)/;

/** The last message of each kernel that each client has seen, as `<epoch>:<number>`. */
export class Progress {
  note(kernel: string, client: string, { metadata }: KernelMessage.IMessage): void {
    const place = metadata.plughost as { epoch?: string; n?: number } | undefined;
    if (place?.epoch !== undefined && place.n !== undefined) {
      this._seen.set(`${kernel} ${client}`, `${place.epoch}:${place.n}`);
    }
  }

  forget(kernel: string, client: string): void {
    this._seen.delete(`${kernel} ${client}`);
  }

  /** The address of a client's channels, with what it has seen. */
  resume(url: string): string {
    const [, kernel, client] = CHANNELS.exec(url) ?? [];
    const seen = this._seen.get(`${decodeURIComponent(kernel)} ${decodeURIComponent(client)}`);
    return seen ? `${url}&since=${encodeURIComponent(seen)}` : url;
  }

  private readonly _seen = new Map<string, string>();
}

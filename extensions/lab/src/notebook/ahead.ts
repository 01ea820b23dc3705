/**
 * The notebook that the page's address names, asked for while the lab is still being put together.
 *
 * JupyterLab asks for it when everything else has started. A long one is there by then.
 */

import { PageConfig, URLExt } from '@jupyterlab/coreutils';

export type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;

/** What JupyterLab asks for when it opens a notebook; it adds the time, and what is undefined. */
const QUERY = { type: 'notebook', content: '1', hash: '1' };

/** Seconds until an answer that nobody has taken is too old. */
const PATIENCE = 30;

/** One answer, to be taken once. */
export class Ahead {
  constructor(private readonly _url: URL | null) {
    if (_url) {
      this._answer = fetch(_url, { cache: 'no-store' });
      this._answer.catch(() => this.drop());
      this._timer = setTimeout(() => this.drop(), PATIENCE * 1000);
    }
  }

  /** Ask with `ask`, but for what has been asked already. */
  before(ask: Fetch): Fetch {
    return (input, init) => {
      const request = new Request(input, init);
      const answer = this._answer;
      if (!answer || !this._isOf(request)) {
        return ask(request);
      }
      this._answer = undefined;
      if (request.method !== 'GET') {
        void discard(answer);
        return ask(request);
      }
      return answer.catch(() => ask(request));
    };
  }

  drop(): void {
    clearTimeout(this._timer);
    if (this._answer) {
      void discard(this._answer);
    }
    this._answer = undefined;
  }

  /** Whether a request reads what this is the answer to, or changes it. */
  private _isOf({ url, method }: Request): boolean {
    const { pathname, searchParams } = new URL(url);
    return (
      pathname === this._url?.pathname &&
      (method !== 'GET' ||
        (Object.entries(QUERY).every(([name, value]) => searchParams.get(name) === value) &&
          !searchParams.has('format')))
    );
  }

  private _answer: Promise<Response> | undefined;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

/** Where the notebook is to be had that this page opens first, if it opens one as a notebook. */
export function firstNotebook(base: string, search: string): URL | null {
  const path = PageConfig.getOption('treePath');
  // A drive's files are its own to get, and a factory may want the file as text.
  if (!path.endsWith('.ipynb') || path.includes(':') || /[?&]factory=/.test(search)) {
    return null;
  }
  const url = new URL(URLExt.join(base, 'api/contents', URLExt.encodeParts(path)));
  url.search = new URLSearchParams(QUERY).toString();
  return url;
}

async function discard(answer: Promise<Response>): Promise<void> {
  const response = await answer.catch(() => null);
  await response?.body?.cancel();
}

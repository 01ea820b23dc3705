/** What the page carries of the server's answers, so that its start asks for little. */

/** Answers by path below the base URL, with the query that was asked; each is JSON text. */
export type Texts = Readonly<Record<string, string>>;

/** JupyterLab adds the time to what must not come from a cache. */
const TIME = /[?&]\d{13}$/;

/** Settings are listed in one answer; what is asked of one plugin is found there. */
const SETTINGS = /^(.+\/api\/settings)(?:\/(.+)|\?ids_only=true)$/;

interface ISettings {
  readonly settings: readonly { readonly id: string }[];
}

/**
 * The answers of one page; what it has to ask the server, it does not ask twice at a time.
 *
 * They hold until something is written that they might be about, or until `drop()` says that the
 * start is over.
 */
export class Answers {
  constructor(
    private _texts: Texts,
    private readonly _base: string
  ) {}

  /** From now on the server is asked. */
  drop(): void {
    this._over = true;
    this._texts = {};
    this._settings.clear();
    this._asked.clear();
  }

  /** `fetch`, for `ServerConnection.ISettings`. */
  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    if (request.method !== 'GET') {
      const path = this._path(request.url);
      this._forget(path);
      try {
        return await fetch(request);
      } finally {
        // What was asked meanwhile may have been answered as it was before.
        this._forget(path);
      }
    }
    if (this._over) {
      return fetch(request);
    }
    const text = this.find(request.url);
    return text === undefined ? this._ask(request) : answer(text, request.url);
  };

  /** The answer to a GET of this address, if the page has it. */
  find(url: string): string | undefined {
    const path = this._path(url);
    return this._texts[path] ?? this._ofSettings(path);
  }

  /** The path of an address below the base URL; empty for an address elsewhere. */
  private _path(url: string): string {
    return url.startsWith(this._base) ? `/${url.slice(this._base.length).replace(TIME, '')}` : '';
  }

  /** Forget what a write below this path may have changed. */
  private _forget(path: string): void {
    const concerned = (other: string): boolean => family(other) === family(path);
    this._texts = Object.fromEntries(
      Object.entries(this._texts).filter(([other]) => !concerned(other))
    );
    for (const list of [...this._settings.keys()].filter(concerned)) {
      this._settings.delete(list);
    }
    this._asked.clear();
  }

  /** Ask the server, unless it is being asked the same. */
  private async _ask(request: Request): Promise<Response> {
    const path = this._path(request.url) || request.url;
    let asked = this._asked.get(path);
    if (!asked) {
      asked = fetch(request);
      this._asked.set(path, asked);
      const forget = (): void => void this._asked.delete(path);
      asked.then(forget, forget);
    }
    return (await asked).clone();
  }

  private _ofSettings(path: string): string | undefined {
    const [, list, id] = SETTINGS.exec(path) ?? [];
    const text = this._texts[list];
    if (text === undefined) {
      return undefined;
    }
    let known = this._settings.get(list);
    if (!known) {
      known = (JSON.parse(text) as ISettings).settings;
      this._settings.set(list, known);
    }
    if (id === undefined) {
      return JSON.stringify({ settings: known.map(each => ({ id: each.id })) });
    }
    const found = known.find(each => each.id === decodeURIComponent(id));
    return found && JSON.stringify(found);
  }

  private _over = false;
  private readonly _asked = new Map<string, Promise<Response>>();
  private readonly _settings = new Map<string, ISettings['settings']>();
}

/** What is written together: all below `/api`, each resource of an app such as `/lab/api/x`. */
function family(path: string): string {
  return /^\/api\/|^\/[^/]+\/api\/[^/?]+/.exec(path)?.[0] ?? path;
}

/** The answers that the server wrote into the page. */
export function readAnswers(page: Document, base: string): Answers {
  const text = page.getElementById('plughost-startup')?.textContent;
  return new Answers(text ? JSON.parse(text) : {}, base);
}

function answer(text: string, url: string): Response {
  const response = new Response(text, { headers: { 'Content-Type': 'application/json' } });
  // A response that a script makes has no address; JupyterLab names it in what it reports.
  Object.defineProperty(response, 'url', { value: url });
  return response;
}

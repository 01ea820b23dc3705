/** A folder too long to be read at once: a row for each entry, filled in page by page. */

import type { Contents } from '@jupyterlab/services';
import type { IRange } from './rows';

export type Entry = Contents.IModel & { indices?: number[] };

/** Entries of a page. A folder that fits into one is not a `Folder` at all. */
export const PAGE = 1000;

/** Pages that one request may bring. */
const PAGES_AT_ONCE = 10;

/** Milliseconds that rows have to be on show before they are read. */
const STANDSTILL = 50;

/** Stands in a row whose entry has not come yet. */
export const LOADING: Entry = Object.freeze({
  name: '…',
  path: '',
  type: 'file',
  writable: false,
  created: '',
  last_modified: '',
  mimetype: '',
  content: null,
  format: null
});

/** Which entries to send: from an index, or around a name, or where names begin with a prefix. */
export interface IWhere {
  readonly limit: number;
  readonly offset?: number;
  readonly at?: string;
  readonly prefix?: string;
}

/** What comes back. Without `total` the server knows no pages, and this is the whole folder. */
export interface IReply {
  readonly content: readonly Entry[];
  readonly total?: number;
  /** Index of the first of `content`, when that is not the one that was asked for. */
  readonly offset?: number;
}

export type Ask = (where: IWhere) => Promise<IReply>;

/** Whether a reply to the first page is the whole folder. */
export function isWhole({ content, total }: IReply): boolean {
  return total === undefined || content.length >= total;
}

export class Folder {
  /** @param changed - Called whenever rows have changed. */
  constructor(ask: Ask, first: IReply, changed: () => void) {
    this._ask = ask;
    this._changed = changed;
    this._put(0, first, [0]);
  }

  /** One entry per row; always this same array. */
  readonly rows: Entry[] = [];

  /** The rows on show: what a refresh reads again. */
  get shown(): IRange {
    return this._shown;
  }

  /** Entries that are there. */
  loaded(): Entry[] {
    return this.rows.filter(entry => entry !== LOADING);
  }

  /** Whether the entries of these rows are there, be they fresh or not. */
  has({ start, end }: IRange): boolean {
    return !this.rows.slice(start, end).includes(LOADING);
  }

  /** Read what is missing, or may have changed, in these rows. */
  async ensure(range: IRange): Promise<void> {
    const wanted = this._wanted(range);
    for (const run of runs(wanted.filter(page => !this._coming.has(page)))) {
      this._read(run);
    }
    await Promise.all(wanted.map(page => this._coming.get(page)));
  }

  /**
   * Say which rows are on show, and read what is missing in them.
   *
   * Not while they change fast, and one reading at a time: what goes by while the list is
   * scrolled far is not read.
   */
  async show(range: IRange): Promise<void> {
    this._shown = range;
    if (this._showing) {
      return;
    }
    this._showing = true;
    try {
      while (this._wanted(this._shown).length > 0) {
        const seen = this._shown;
        await new Promise(resolve => setTimeout(resolve, STANDSTILL));
        if (seen === this._shown) {
          await this.ensure(seen);
        }
      }
    } finally {
      this._showing = false;
    }
  }

  /** Read the rows on show again; others are read again when they come into view. */
  async refresh(): Promise<void> {
    this._fresh.clear();
    this._coming.clear();
    this._round++;
    const { start, end } = this._shown;
    // Also when the rows on show have gone: only a reply says how many there are now.
    const page = Math.max(Math.min(start, this.rows.length - 1), 0);
    await this.ensure({ start: page, end: Math.max(end, page + 1) });
  }

  /**
   * The row of an entry, or -1: by its name, or the first that begins with a prefix.
   *
   * A server that cannot be asked this is read page after page for a name; a prefix is then
   * looked for in the rows that are there.
   */
  async find(wanted: { at: string } | { prefix: string }): Promise<number> {
    const matches = matcher(wanted);
    if ('at' in wanted) {
      const here = this.rows.findIndex(matches);
      if (here >= 0 && this._fresh.has(Math.floor(here / PAGE))) {
        return here;
      }
    }
    const reply = await this._ask({ limit: PAGE, ...wanted }).catch(error => {
      if (error?.response?.status === 404) {
        return null;
      }
      throw error;
    });
    if (!reply) {
      return -1;
    }
    if (reply.offset === undefined) {
      return 'at' in wanted ? this._search(matches) : this.rows.findIndex(matches);
    }
    const { content, offset, total } = reply;
    this._put(offset, reply, covered(offset, offset + content.length, total ?? content.length));
    const index = content.findIndex(matches);
    return index < 0 ? -1 : offset + index;
  }

  private async _search(matches: (entry: Entry) => boolean): Promise<number> {
    const step = PAGE * PAGES_AT_ONCE;
    for (let start = 0; start < this.rows.length; start += step) {
      await this.ensure({ start, end: start + step });
      const index = this.rows.findIndex(matches);
      if (index >= 0) {
        return index;
      }
    }
    return -1;
  }

  /** The pages of these rows that are not fresh. */
  private _wanted({ start, end }: IRange): number[] {
    // An empty folder is asked about, too: there may be something in it by now.
    const last = Math.min(end, Math.max(this.rows.length, 1));
    return pages(start, last).filter(page => !this._fresh.has(page));
  }

  private _read(run: number[]): void {
    const offset = run[0] * PAGE;
    const round = this._round;
    const coming = this._coming;
    const reading = this._ask({ offset, limit: run.length * PAGE })
      .then(reply => {
        const late = round !== this._round;
        this._put(offset, reply, late ? [] : run, late);
      })
      .finally(() => {
        for (const page of run) {
          if (coming.get(page) === reading) {
            coming.delete(page);
          }
        }
      });
    for (const page of run) {
      coming.set(page, reading);
    }
  }

  /**
   * Take in a reply.
   *
   * @param fresh - The pages that need not be read again until the next refresh.
   * @param late - It was asked for before the last refresh: what is fresh stays.
   */
  private _put(offset: number, reply: IReply, fresh: number[], late = false): void {
    const { rows } = this;
    const total = reply.total ?? reply.content.length;
    if (total !== rows.length && !late) {
      // Something came or went, so any row may hold another entry now.
      this._fresh.clear();
      const had = rows.length;
      rows.length = total;
      if (total > had) {
        rows.fill(LOADING, had);
      }
    }
    for (const [i, entry] of reply.content.entries()) {
      const row = offset + i;
      if (row < rows.length && !(late && this._fresh.has(Math.floor(row / PAGE)))) {
        rows[row] = entry;
      }
    }
    for (const page of fresh) {
      this._fresh.add(page);
    }
    this._changed();
  }

  private readonly _ask: Ask;
  private readonly _changed: () => void;
  private readonly _fresh = new Set<number>();
  private readonly _coming = new Map<number, Promise<void>>();
  private _shown: IRange = { start: 0, end: 0 };
  private _showing = false;
  private _round = 0;
}

function matcher(wanted: { at: string } | { prefix: string }): (entry: Entry) => boolean {
  if ('at' in wanted) {
    return entry => entry !== LOADING && entry.name === wanted.at;
  }
  const prefix = wanted.prefix.toLowerCase();
  return entry => entry !== LOADING && entry.name.toLowerCase().startsWith(prefix);
}

/** The pages that rows lie on. */
function pages(start: number, end: number): number[] {
  const first = Math.floor(start / PAGE);
  const count = end > start ? Math.ceil(end / PAGE) - first : 0;
  return Array.from({ length: count }, (_, i) => first + i);
}

/** The pages of which every row is from `start` up to `end`. */
function covered(start: number, end: number, total: number): number[] {
  const last = end >= total ? end : Math.floor(end / PAGE) * PAGE;
  return pages(Math.ceil(start / PAGE) * PAGE, last);
}

/** Neighbouring pages together, as many as one request may bring. */
function runs(wanted: number[]): number[][] {
  const found: number[][] = [];
  for (const page of wanted) {
    const last = found.at(-1);
    if (last && last.length < PAGES_AT_ONCE && last[last.length - 1] === page - 1) {
      last.push(page);
    } else {
      found.push([page]);
    }
  }
  return found;
}

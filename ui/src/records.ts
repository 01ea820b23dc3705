/** What the page knows of each frontend and each plugin: its state, the time it took, what went wrong. */

/**
 * - `loading`: on its way; `waiting`: needs a token that nothing active provides.
 * - `idle`: registered, activates when something asks for it; `active`: done.
 * - `failed`: see `error` and `hint`; `disabled`: switched off by configuration.
 */
export type State = 'loading' | 'waiting' | 'idle' | 'active' | 'failed' | 'disabled';

/** The last thing that was tried. */
export type Phase = 'import' | 'register' | 'activate' | 'deactivate';

/** One frontend or one plugin; `JSON.stringify` gives all there is to know. */
export interface IRecord {
  readonly kind: 'frontend' | 'plugin';
  /** npm package of a frontend, id of a plugin. */
  readonly name: string;
  /** Name of the plughost extension that brought it. */
  readonly extension: string;
  readonly description: string;
  state: State;
  phase: Phase;
  /** Milliseconds spent in the phase, once it is over. */
  ms: number | null;
  /** Names of the tokens a waiting plugin needs. */
  waitingFor: string[];
  error: string | null;
  /** What to do about it. */
  hint: string | null;
}

/** The records of a page, in the order in which they came. */
export class Records {
  /** `app` is the extension whose app the page runs. */
  constructor(private readonly _app = '') {}

  /** Called when records have changed, once for all changes of one turn of the event loop. */
  readonly changed = new Set<() => void>();

  /** Start a record for something that is on its way. */
  add(from: Pick<IRecord, 'kind' | 'name' | 'extension'> & { description?: string }): IRecord {
    const fresh: IRecord = {
      description: '',
      ...from,
      state: 'loading',
      phase: from.kind === 'frontend' ? 'import' : 'register',
      ms: null,
      waitingFor: [],
      error: null,
      hint: null
    };
    const record = new Proxy(fresh, {
      set: (target, key, value) => {
        this._note();
        return Reflect.set(target, key, value);
      }
    });
    this._records.push(record);
    this._note();
    return record;
  }

  /** All of them, or those in one state. */
  list(state?: State): readonly IRecord[] {
    return state ? this._records.filter(record => record.state === state) : [...this._records];
  }

  /** The first record of that name: an npm package or a plugin id. */
  find(name: string): IRecord | undefined {
    return this._records.find(record => record.name === name);
  }

  /**
   * What a person should know of: who failed, is late, or waits in vain.
   *
   * Not the app's own plugins that wait: whoever has switched off what they need knows that.
   */
  problems(): readonly IRecord[] {
    return this._records.filter(
      ({ state, error, hint, extension }) =>
        state === 'failed' ||
        error !== null ||
        (hint !== null && (state === 'loading' || (state === 'waiting' && extension !== this._app)))
    );
  }

  toJSON(): readonly IRecord[] {
    return this._records;
  }

  private _note(): void {
    if (!this._noted && this.changed.size > 0) {
      this._noted = true;
      setTimeout(() => {
        this._noted = false;
        // One that throws leaves the others alone.
        this.changed.forEach(queueMicrotask);
      });
    }
  }

  private readonly _records: IRecord[] = [];
  private _noted = false;
}

/** Note a failure, and say it once on the console with whoever is to blame in front. */
export function fail(record: IRecord, error: unknown, hint: string): void {
  record.state = 'failed';
  record.error = textOf(error);
  record.hint = hint;
  const sentence = /[.!?]$/.test(record.error) ? record.error : `${record.error}.`;
  console.error(
    `plughost: ${record.kind} "${record.name}" of extension "${record.extension}" failed ` +
      `(${record.phase}): ${sentence} ${hint}`,
    error
  );
}

/** What an error says, whatever has been thrown. */
export function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message || error.name : error);
  } catch {
    return 'What was thrown has no text';
  }
}

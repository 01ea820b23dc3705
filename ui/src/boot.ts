/** The boot data: what the server wrote into the page for the browser host. */

/** One frontend module the page loads. */
export interface IFrontend {
  /** Name of the plughost extension that brings it, as in `plughost extensions list`. */
  readonly extension: string;
  /** Name of its npm package. */
  readonly package: string;
  readonly version: string;
  /** URL of the entry module, relative to the page's origin. */
  readonly module: string;
}

/** Frontends joined into one file by `plughost build --bundle`. */
export interface IBundle {
  /** URL of the file, relative to the page's origin. */
  readonly module: string;
  /** Whose modules are in it, by their extensions' names. */
  readonly extensions: readonly string[];
}

/** A module that another bundler has put into a container of Module Federation. */
export interface IContainer {
  /** Name of its npm package, and of the container. */
  readonly package: string;
  readonly version: string;
  /** URL of the script that makes the container, relative to the page's origin. */
  readonly script: string;
  /** What to get of it for its default export: plugins. */
  readonly modules: readonly string[];
  /** What to get of it for its effect: style sheets. */
  readonly styles: readonly string[];
  /** Why it is off; it is not asked for then. */
  readonly off?: string;
  /** What the server finds wrong with it; it is not asked for then. */
  readonly error?: string;
  /** What to do if it, or one of its plugins, fails. */
  readonly hint?: string;
  /** Whether the page starts without it: the app says when it is asked for. */
  readonly later?: boolean;
}

/** The containers of a page, and what they share. */
export interface IFederation {
  /** Name of the global object into which their scripts put them. */
  readonly global: string;
  /**
   * The shared modules they are offered, by specifier of the import map: the version, and others
   * under which it is offered as well.
   */
  readonly shared: Readonly<Record<string, readonly string[]>>;
  readonly containers: readonly IContainer[];
  /** Whether the server has problems of some of them on record. */
  readonly problems?: boolean;
}

/** How long the page waits for one frontend before it goes on without it; milliseconds. */
export interface IPatience {
  /** For a module to arrive, counted from the arrival of the app's own module. */
  readonly module: number;
  /** For a plugin to activate, counted from the call of its `activate`. */
  readonly activate: number;
}

/** See docs/reference/frontends.md, "In the page". */
export interface IBoot {
  readonly page: string;
  readonly baseUrl: string;
  readonly version: string;
  readonly app: IFrontend;
  readonly frontends: readonly IFrontend[];
  readonly bundle: IBundle | null;
  readonly federation: IFederation | null;
  readonly patience: IPatience;
  /** Whether the server has problems on record that this page has told of before. */
  readonly problems: boolean;
  /** The page configuration, for the app; the host does not look into it. */
  readonly config: Readonly<Record<string, unknown>>;
}

const PATIENCE: IPatience = { module: 1000, activate: 1000 };

/**
 * Read the boot data; `null` when the page carries none, as in a test or a page of another host.
 *
 * @throws Error when the element is there and its text is not usable.
 */
export function readBoot(page: Document): IBoot | null {
  const element = page.getElementById('plughost-boot');
  if (!element) {
    return null;
  }
  let data: Partial<IBoot>;
  try {
    data = JSON.parse(element.textContent ?? '');
  } catch (error) {
    throw new Error(`The boot data in #plughost-boot is not JSON: ${(error as Error).message}`);
  }
  if (!data.app?.module) {
    throw new Error(`The boot data names no app for the page "${data.page ?? ''}".`);
  }
  return {
    page: '',
    baseUrl: '/',
    version: '',
    frontends: [],
    bundle: null,
    federation: null,
    problems: false,
    config: {},
    ...data,
    app: data.app,
    patience: { ...PATIENCE, ...data.patience }
  };
}

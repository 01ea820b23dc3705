/** Which plugins the page configuration disables or defers. */

import type { Admission } from '@plughost/host';

/** Plugins that changed their id; configuration written for the old one still holds. */
const RENAMED: Record<string, string> = {
  '@jupyterlab/application:mimedocument': '@jupyterlab/application-extension:mimedocument',
  '@jupyterlab/help-extension:licenses': '@jupyterlab/apputils-extension:licenses-plugin',
  '@jupyterlab/lsp:ILSPCodeExtractorsManager': '@jupyterlab/lsp-extension:code-extractor-manager',
  '@jupyterlab/translation:translator': '@jupyterlab/translation-extension:translator',
  '@jupyterlab/workspaces:commands': '@jupyterlab/workspaces-extension:commands'
};

/** The page configuration's `disabledExtensions` and `deferredExtensions`, put to use. */
export class Switches {
  constructor(disabled: readonly string[], deferred: readonly string[]) {
    this._disabled = current(disabled);
    this._deferred = current(deferred);
  }

  /** What becomes of a plugin: an entry is its id, its package, or the extension that brings it. */
  admission(id: string, extension: string): Admission {
    const names = [id, packageOf(id), extension];
    if (names.some(name => this._disabled.has(name))) {
      return 'disabled';
    }
    return names.some(name => this._deferred.has(name)) ? 'defer' : 'start';
  }

  private readonly _disabled: Set<string>;
  private readonly _deferred: Set<string>;
}

/** The package that a plugin's id names: all up to the colon. */
export function packageOf(id: string): string {
  return id.split(':')[0];
}

function current(ids: readonly string[]): Set<string> {
  return new Set(
    ids.map(id => {
      if (id in RENAMED) {
        console.warn(`The plugin "${id}" is now "${RENAMED[id]}": update the configuration.`);
      }
      return RENAMED[id] ?? id;
    })
  );
}

/** Which plugins the page configuration disables or defers. */

import { PageConfig } from '@jupyterlab/coreutils';
import type { Admission } from '@plughost/host';

/** Plugins that changed their id; configuration written for the old one still holds. */
const RENAMED: Record<string, string> = {
  '@jupyterlab/application:mimedocument': '@jupyterlab/application-extension:mimedocument',
  '@jupyterlab/help-extension:licenses': '@jupyterlab/apputils-extension:licenses-plugin',
  '@jupyterlab/lsp:ILSPCodeExtractorsManager': '@jupyterlab/lsp-extension:code-extractor-manager',
  '@jupyterlab/translation:translator': '@jupyterlab/translation-extension:translator',
  '@jupyterlab/workspaces:commands': '@jupyterlab/workspaces-extension:commands'
};

/** The page configuration's `disabledExtensions` and `deferredExtensions`. */
export class Switches {
  /** What becomes of a plugin: an entry is its id, or its package, which is the id up to the colon. */
  admission(id: string): Admission {
    const names = [id, id.includes(':') ? id.split(':')[0] : id];
    if (names.some(name => this._disabled.has(name))) {
      return 'disabled';
    }
    return names.some(name => this._deferred.has(name)) ? 'defer' : 'start';
  }

  private readonly _disabled = current(PageConfig.Extension.disabled);
  private readonly _deferred = current(PageConfig.Extension.deferred);
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

/** The stock plugins that ours are made of. */

import type { IPlugin } from '@lumino/coreutils';

/** One of the plugins that a package of JupyterLab exports. Throws when it has none of this id. */
export function stockPlugin<P extends IPlugin<any, any>>(
  plugins: readonly IPlugin<any, any>[],
  id: string
): P {
  const found = plugins.find(plugin => plugin.id === id);
  if (!found) {
    throw new Error(`JupyterLab has no plugin "${id}".`);
  }
  return found as P;
}

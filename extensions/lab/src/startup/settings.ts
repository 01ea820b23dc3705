/** The registry of settings, with a validator that works when there is something to validate. */

import type { JupyterFrontEnd, JupyterLab } from '@jupyterlab/application';
import stock from '@jupyterlab/apputils-extension';
import {
  ISettingConnector,
  type ISettingRegistry,
  SettingRegistry
} from '@jupyterlab/settingregistry';
import type { IPlugin } from '@lumino/coreutils';
import { stockPlugin } from '../stock';
import { LazyValidator } from './defaults';

type Registry = IPlugin<JupyterFrontEnd, ISettingRegistry>;

const plugin = stockPlugin<Registry>(stock, '@jupyterlab/apputils-extension:settings');

/** The stock plugin of this id, with a validator that works when there is something to validate. */
export const settings: Registry = {
  ...plugin,
  requires: [ISettingConnector],
  optional: [],
  activate: async (app, connector: ISettingConnector) => {
    const registry = new SettingRegistry({
      connector,
      plugins: (await connector.list('active')).values.filter(({ id }) => app.hasPlugin(id)),
      validator: new LazyValidator()
    });
    void (app as JupyterLab).allPluginsActivated.then(() => loadLate(app, connector, registry));
    return registry;
  }
};

/** Load what has settings and was not asked for, so that the settings editor lists it. */
async function loadLate(
  app: JupyterFrontEnd,
  connector: ISettingConnector,
  registry: SettingRegistry
): Promise<void> {
  const { ids } = await connector.list('ids');
  for (const id of ids) {
    if (app.hasPlugin(id) && !(id in registry.plugins)) {
      await registry
        .load(id)
        .catch(error => console.warn(`The settings of "${id}" were not loaded:`, error));
    }
  }
}

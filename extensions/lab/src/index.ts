/** The lab: JupyterLab's workbench as a plughost app. */

import '../style/index.js';

import type { CreateApp } from '@plughost/host';
import { Lab } from './app';
import { drawOpenMenusOnly } from './startup/menus';

const createApp: CreateApp = ({ boot }) => {
  drawOpenMenusOnly();
  return new Lab(boot);
};

export default createApp;

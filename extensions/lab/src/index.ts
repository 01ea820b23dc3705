/** The lab: JupyterLab's workbench as a plughost app. */

import '../style/index.js';

import type { CreateApp } from '@plughost/host';
import { Lab } from './app';

const createApp: CreateApp = ({ boot }) => new Lab(boot);

export default createApp;

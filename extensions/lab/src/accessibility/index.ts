/** What JupyterLab leaves to the mouse, or untold to those who do not see it. */

import { areas } from './areas';
import { breakpoints } from './breakpoints';
import { menus } from './menus';
import { names } from './names';
import { narrowWindows } from './narrow';
import { palette } from './palette';
import { panels } from './panels';
import { running } from './running';
import { settingsEditor } from './settings';
import { splash } from './splash';

export const accessibility = [
  areas,
  breakpoints,
  menus,
  names,
  narrowWindows,
  palette,
  panels,
  running,
  settingsEditor,
  splash
];

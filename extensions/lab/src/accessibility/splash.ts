/** The next visit begins in the colours of this one: the splash is drawn before any theme is read. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IThemeManager } from '@jupyterlab/apputils';

/** lab.html reads it, too: "dark" or "light". */
const KEY = '@plughost/lab:splash';

export const splash: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:splash',
  description: 'Remembers whether the theme is dark, for the splash of the next visit.',
  autoStart: true,
  requires: [IThemeManager],
  activate: ({ commands }: JupyterFrontEnd, themes: IThemeManager) => {
    themes.themeChanged.connect(() => {
      try {
        // A theme that follows the system does so at the next visit, as the splash then does.
        if (!themes.theme || commands.isToggled('apputils:adaptive-theme')) {
          localStorage.removeItem(KEY);
        } else {
          localStorage.setItem(KEY, themes.isLight(themes.theme) ? 'light' : 'dark');
        }
      } catch {
        // Without a storage the splash follows the system.
      }
    });
  }
};

/** The outsider's browser half: a command, and the panel that it opens. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { LabIcon } from '@jupyterlab/ui-components';
import waveMarkup from '../style/wave.svg';
import { GreetingPanel } from './panel';
import '../style/index.css';

const COMMAND = 'outsider:open';

const wave = new LabIcon({ name: 'outsider:wave', svgstr: waveMarkup });

const greeting: JupyterFrontEndPlugin<void> = {
  id: 'plughost-outsider:greeting',
  description: 'Adds a command and a panel that shows what the server half answers.',
  autoStart: true,
  requires: [ICommandPalette],
  optional: [ILauncher],
  activate: (app: JupyterFrontEnd, palette: ICommandPalette, launcher: ILauncher | null) => {
    let open: MainAreaWidget<GreetingPanel> | undefined;
    app.commands.addCommand(COMMAND, {
      label: 'Outsider Greeting',
      caption: 'Ask the outsider’s server half for a greeting',
      icon: wave,
      execute: () => {
        if (!open || open.isDisposed) {
          const content = new GreetingPanel(app.serviceManager.serverSettings, app.shell);
          open = new MainAreaWidget({ content });
          open.id = 'outsider-greeting';
          open.title.label = 'Outsider';
          open.title.icon = wave;
          open.title.closable = true;
          app.shell.add(open, 'main');
        }
        app.shell.activateById(open.id);
      }
    });
    palette.addItem({ command: COMMAND, category: 'Outsider' });
    launcher?.add({ command: COMMAND, category: 'Other' });
  }
};

export default [greeting];

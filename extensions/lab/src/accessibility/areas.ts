/** From one area of the window to the next with the keyboard. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

/** The areas, in the order in which they stand in the page. */
const AREAS = [
  '#jp-menu-panel',
  '.jp-SideBar.jp-mod-left',
  '#jp-left-stack',
  '#jp-main-dock-panel',
  '#jp-down-stack',
  '#jp-right-stack',
  '.jp-SideBar.jp-mod-right',
  '#jp-bottom-panel'
];
const MAIN = '#jp-main-dock-panel';

/** Those of which one panel is shown at a time. */
const STACKS = '#jp-left-stack, #jp-down-stack, #jp-right-stack';

/** In a panel with a list that keeps its place, that comes before the buttons above it. */
const LIST = ':is([role=gridcell], [role=treeitem], [role=option])[tabindex="0"]';

const FOCUSABLE = 'a[href], button, input, select, textarea, iframe, [tabindex], jp-button';

const NEXT = 'plughost:focus-next-area';
const PREVIOUS = 'plughost:focus-previous-area';
const MENU = 'plughost:focus-menu-bar';

export const areas: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:areas',
  description: 'Moves the focus between the areas of the window.',
  autoStart: true,
  requires: [ITranslator],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, translator: ITranslator, palette: ICommandPalette | null) => {
    const trans = translator.load('jupyterlab');
    const category = trans.__('Main Area');
    const commands: [id: string, label: string, execute: () => void][] = [
      [NEXT, trans.__('Focus Next Area'), () => move(app, 1)],
      [PREVIOUS, trans.__('Focus Previous Area'), () => move(app, -1)],
      [MENU, trans.__('Focus Menu Bar'), () => focusable(find('.lm-MenuBar'))?.focus()]
    ];
    for (const [command, label, execute] of commands) {
      app.commands.addCommand(command, { label, execute, isEnabled: () => !modal() });
      palette?.addItem({ command, category });
    }
    leadOut(app.commands);
    document.addEventListener('focusout', stay);
  }
};

/** A dialog keeps the focus. */
function modal(): boolean {
  return document.querySelector('.jp-Dialog, .jp-ModalCommandPalette:not(.lm-mod-hidden)') !== null;
}

function find(area: string): HTMLElement | null {
  return document.querySelector(area);
}

/** The first element in an area that Tab would stop at. */
function focusable(area: HTMLElement | null): HTMLElement | undefined {
  const found = area?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [];
  // Custom elements have a tabIndex of -1 and hand the focus on.
  return [...found].find(
    node => (node.tabIndex >= 0 || node.localName === 'jp-button') && node.checkVisibility()
  );
}

/** Focus the area `step` areas after the one that has the focus, if there is something in it. */
function move(app: JupyterFrontEnd, step: 1 | -1): void {
  const present = AREAS.filter(area => area === MAIN || focusable(find(area)));
  const current = present.findIndex(area => find(area)?.contains(document.activeElement));
  const from = current < 0 ? present.indexOf(MAIN) - step : current;
  const next = present[(from + step + present.length) % present.length];
  const { currentWidget } = app.shell;
  if (next === MAIN && currentWidget) {
    app.shell.activateById(currentWidget.id); // it knows best where in it the focus belongs
    return;
  }
  enter(find(next));
}

function enter(area: HTMLElement | null): void {
  const lists = area?.querySelectorAll<HTMLElement>(LIST) ?? [];
  const place = [...lists].find(each => each.checkVisibility()); // hidden panels have them, too
  (place ?? focusable(area))?.focus();
}

/** A panel that takes another one's place takes over the focus as well. */
function stay({ target }: FocusEvent): void {
  const area = (target as Element).closest<HTMLElement>(STACKS);
  if (area && !(target as Element).checkVisibility()) {
    requestAnimationFrame(() => {
      if (document.activeElement === document.body && area.checkVisibility()) {
        enter(area);
      }
    });
  }
}

/** Terminals and the menu bar keep all keys to themselves; these two lead out of them. */
function leadOut(commands: CommandRegistry): void {
  document.addEventListener(
    'keydown',
    event => {
      if (!(event.target as Element).closest?.('.jp-Terminal, .lm-MenuBar')) {
        return;
      }
      const pressed = CommandRegistry.keystrokeForKeydownEvent(event);
      const leads = ({ command, keys }: CommandRegistry.IKeyBinding): boolean =>
        (command === NEXT || command === PREVIOUS) && keys.length === 1 && keys[0] === pressed;
      const binding = commands.keyBindings.find(leads);
      if (binding) {
        event.preventDefault();
        event.stopPropagation();
        void commands.execute(binding.command);
      }
    },
    true
  );
}

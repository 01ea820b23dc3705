/** Menus that are closed are not drawn: each opening draws its menu, whatever happened before. */

import { Menu, Widget } from '@lumino/widgets';

/** Spare closed menus the drawing that Lumino schedules for each item that is added. */
export function drawOpenMenusOnly(): void {
  Menu.prototype.update = function (this: Menu): void {
    if (this.isAttached) {
      Widget.prototype.update.call(this);
    }
  };
}

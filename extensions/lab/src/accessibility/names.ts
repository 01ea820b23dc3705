/** Names and roles, for those who hear the page, of what stock leaves without. */

import { EditorView } from '@codemirror/view';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry, imageRendererFactory, RenderedImage } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ITranslator } from '@jupyterlab/translation';
import { Menu } from '@lumino/widgets';

export const names: JupyterFrontEndPlugin<void> = {
  id: '@plughost/lab:names',
  description: 'Gives editors, images and items of menus the names and roles they lack.',
  autoStart: true,
  requires: [ITranslator, IEditorExtensionRegistry, IRenderMimeRegistry],
  activate: (
    _app: JupyterFrontEnd,
    translator: ITranslator,
    editors: IEditorExtensionRegistry,
    renderers: IRenderMimeRegistry
  ) => {
    const trans = translator.load('jupyterlab');
    const label = EditorView.contentAttributes.of({ 'aria-label': trans.__('Editor') });
    editors.addExtension({
      name: 'plughost-name',
      factory: () => EditorExtensionRegistry.createImmutableExtension(label)
    });
    renderers.addFactory({
      ...imageRendererFactory,
      createRenderer: options => new NamedImage(options, trans.__('Image'))
    });
    nameItemsOfMenus();
  }
};

/** An image of an output with the text that its maker gave it, or one that says it is an image. */
class NamedImage extends RenderedImage {
  constructor(options: IRenderMime.IRendererOptions, name: string) {
    super(options);
    this._name = name;
    this._mimeType = options.mimeType;
  }

  override async render(model: IRenderMime.IMimeModel): Promise<void> {
    await super.render(model);
    const { alt } = (model.metadata[this._mimeType] ?? {}) as { alt?: unknown };
    for (const image of this.node.getElementsByTagName('img')) {
      image.alt ||= typeof alt === 'string' && alt ? alt : this._name;
    }
  }

  private readonly _name: string;
  private readonly _mimeType: string;
}

/**
 * Lumino gives items that open a submenu no role, and lets the focus stop at lines between items.
 *
 * Every menu has a renderer of this class; there is no other place for all of them.
 */
function nameItemsOfMenus(): void {
  const { prototype } = Menu.Renderer;
  const stock = prototype.renderItem;
  prototype.renderItem = function (data) {
    const element = stock.call(this, data);
    const attributes = element.attrs as Record<string, unknown>;
    if (data.item.type === 'submenu') {
      attributes.role = 'menuitem';
    } else if (data.item.type === 'separator') {
      attributes.role = 'separator';
      delete attributes.tabindex;
    }
    return element;
  };
}

/** PDF files as JupyterLab draws them, within what the page's Content-Security-Policy allows. */

import stock, { rendererFactory } from '@jupyterlab/pdf-extension';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

/**
 * JupyterLab's renderer gives its `<object>` a type before it has data, and the policy is asked
 * about an object of a type and of no address. The data have a type of their own.
 */
function createRenderer(options: IRenderMime.IRendererOptions): IRenderMime.IRenderer {
  const renderer = rendererFactory.createRenderer(options);
  const frame = renderer.node.querySelector('iframe') as HTMLIFrameElement;
  frame.addEventListener('load', () => {
    frame.contentDocument?.querySelector('object')?.removeAttribute('type');
  });
  return renderer;
}

export const pdf: IRenderMime.IExtension[] = [stock].flat().map(extension => ({
  ...extension,
  rendererFactory: { ...rendererFactory, createRenderer }
}));

/** PDF files as JupyterLab draws them, within what the page's Content-Security-Policy allows. */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

type Extensions = IRenderMime.IExtension | IRenderMime.IExtension[];

/**
 * JupyterLab's renderer gives its `<object>` a type before it has data, and the policy is asked
 * about an object of a type and of no address. The data have a type of their own.
 */
export function typedByData(stock: Extensions): IRenderMime.IExtension[] {
  return [stock].flat().map(({ rendererFactory, ...rest }) => ({
    ...rest,
    rendererFactory: {
      ...rendererFactory,
      createRenderer: options => {
        const renderer = rendererFactory.createRenderer(options);
        const frame = renderer.node.querySelector('iframe') as HTMLIFrameElement;
        frame.addEventListener('load', () => {
          frame.contentDocument?.querySelector('object')?.removeAttribute('type');
        });
        return renderer;
      }
    }
  }));
}

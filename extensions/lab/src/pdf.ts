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
        // Capturing, it comes before the renderer's own.
        frame.addEventListener('load', () => makeUntyped(frame.contentDocument), true);
        return renderer;
      }
    }
  }));
}

/** Let the objects that a document makes from now on have the type of their data. */
function makeUntyped(page: Document | null): void {
  const make = page?.createElement;
  if (page && make) {
    page.createElement = (name: string, options?: ElementCreationOptions) => {
      const element = make.call(page, name, options);
      if (name === 'object') {
        Object.defineProperty(element, 'type', { value: '', writable: true });
      }
      return element;
    };
  }
}

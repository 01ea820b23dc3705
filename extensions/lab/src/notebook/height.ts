/** How high a cell will be, told from what is in it. */

import { CodeCellModel, type ICellModel } from '@jupyterlab/cells';
import type { IOutputModel } from '@jupyterlab/rendermime';

const LINE = 17;
const AROUND = 22;
const AROUND_TEXT = 48;
const PICTURE = 300;
const OTHER = 150;

/** Pixels: about right for text, a guess for everything else. */
export function estimatedHeight(model: ICellModel): number {
  let height =
    (model.type === 'markdown' ? AROUND_TEXT : AROUND) +
    LINE * lines(model.sharedModel.getSource());
  if (model instanceof CodeCellModel) {
    for (let index = 0; index < model.outputs.length; index++) {
      height += outputHeight(model.outputs.get(index));
    }
  }
  return height;
}

function outputHeight({ data, streamText }: IOutputModel): number {
  if (streamText) {
    return LINE * lines(streamText.text);
  }
  const types = Object.keys(data);
  if (types.some(type => type.startsWith('image/'))) {
    return PICTURE;
  }
  const text = types.length === 1 ? data['text/plain'] : undefined;
  return typeof text === 'string' ? LINE * lines(text) : OTHER;
}

function lines(text: string): number {
  let count = 1;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
    count++;
  }
  return count;
}

/** Which rows of a list are in the page. */

import { expect, it } from 'vitest';
import { covers, drawn, visible } from '../../src/filebrowser/rows';

const view = { total: 100_000, rowHeight: 24, scrollTop: 0, height: 648 };

it('sees rows that are in the viewport in part', () => {
  expect(visible(view)).toEqual({ start: 0, end: 27 });
  expect(visible({ ...view, scrollTop: 12 })).toEqual({ start: 0, end: 28 });
  expect(visible({ ...view, scrollTop: 100_000 * 24 - 648 })).toEqual({
    start: 99_973,
    end: 100_000
  });
});

it('draws a few rows more than are seen, wherever the list is scrolled to', () => {
  for (const scrollTop of [0, 1, 24 * 500, 24 * 99_000, 24 * 100_000, 1e12]) {
    const { start, end } = drawn({ ...view, scrollTop });
    expect(end - start).toBeLessThan(70);
    expect(covers({ start, end }, visible({ ...view, scrollTop }))).toBe(true);
  }
});

it('draws a short list whole, even where nothing of it is seen', () => {
  expect(drawn({ ...view, total: 100, height: 0 })).toEqual({ start: 0, end: 100 });
  expect(drawn({ ...view, total: 0 })).toEqual({ start: 0, end: 0 });
});

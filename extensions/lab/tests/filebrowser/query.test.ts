/** The order and the filter of a listing as query parameters. */

import { expect, it } from 'vitest';
import { marked, parameters } from '../../src/filebrowser/query';

const order = {
  sort: { key: 'name', direction: 'ascending' },
  notebooksFirst: false,
  natural: true
} as const;
const plain = { filter: '', filterFolders: true, hidden: false };

it('asks for names in natural order, without hidden ones', () => {
  expect(parameters(order, plain)).toEqual({ sort: 'name', natural: '1', hidden: '0' });
});

it('turns dates round: the first click on their header shows the newest first', () => {
  const sorts = (['name', 'last_modified', 'date_created', 'file_size'] as const).map(key =>
    (['ascending', 'descending'] as const).map(
      direction => parameters({ ...order, sort: { key, direction } }, plain).sort
    )
  );
  expect(sorts).toEqual([
    ['name', '-name'],
    ['-last_modified', 'last_modified'],
    ['-created', 'created'],
    ['size', '-size']
  ]);
});

it('says what the settings of the file browser change', () => {
  expect(
    parameters(
      { ...order, notebooksFirst: true, natural: false },
      { filter: 'a b', filterFolders: false, hidden: true }
    )
  ).toEqual({ sort: 'name', first: 'notebooks', natural: '0', filter: 'a b', folders: 'all' });
});

it('marks the words of a filter in a name, and what stands between wildcards', () => {
  expect(marked('File12.txt', 'TXT file')).toEqual([0, 1, 2, 3, 7, 8, 9]);
  expect(marked('file12.txt', 'f*12')).toEqual([0, 4, 5]);
  expect(marked('İstanbul', 'bul')).toEqual([]);
});

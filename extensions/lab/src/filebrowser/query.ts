/** How the order and the filter of a listing are put to the server. */

import type { DirListing } from '@jupyterlab/filebrowser';

/** What a listing shows of a folder, and in which order. */
export interface IOrder {
  readonly sort: DirListing.ISortState;
  readonly notebooksFirst: boolean;
  /** "file2" before "file10". */
  readonly natural: boolean;
}

/** Stock's arrows: an "ascending" date has the newest first, an "ascending" size the smallest. */
const SORTS: Record<DirListing.ISortState['key'], Record<'ascending' | 'descending', string>> = {
  name: { ascending: 'name', descending: '-name' },
  last_modified: { ascending: '-last_modified', descending: 'last_modified' },
  date_created: { ascending: '-created', descending: 'created' },
  file_size: { ascending: 'size', descending: '-size' }
};

/** Query parameters of `GET /api/contents/<folder>` but for those that name the page. */
export function parameters(
  { sort, notebooksFirst, natural }: IOrder,
  { filter, filterFolders, hidden }: { filter: string; filterFolders: boolean; hidden: boolean }
): Record<string, string> {
  return {
    sort: SORTS[sort.key][sort.direction],
    ...(notebooksFirst && { first: 'notebooks' }),
    natural: natural ? '1' : '0',
    ...(!hidden && { hidden: '0' }),
    ...(filter && { filter }),
    ...(filter && !filterFolders && { folders: 'all' })
  };
}

/** Positions in `name` of what a filter asks for, for the renderer to mark. */
export function marked(name: string, filter: string): number[] {
  const text = name.toLowerCase();
  if (text.length !== name.length) {
    return []; // a few letters are longer in lower case, and positions would be wrong
  }
  const found = new Set<number>();
  for (const part of filter.toLowerCase().split(/[\s*?]+/)) {
    const at = part ? text.indexOf(part) : -1;
    for (let i = at; at >= 0 && i < at + part.length; i++) {
      found.add(i);
    }
  }
  return [...found].sort((a, b) => a - b);
}

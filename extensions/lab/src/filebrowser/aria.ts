/**
 * The listing as a grid, for those who hear it: which part is what, how many rows there are though
 * few are drawn, and which are selected.
 *
 * Stock's nodes stay as they are; they get roles. What has the focus is the text of a name.
 */

const NAME = 'jp-DirListing-itemName';

/** The grid as a whole; `rows` without the header. */
export function describeGrid(
  grid: HTMLElement,
  content: HTMLElement,
  { label, rows, columns }: { label: string; rows: number; columns: number }
): void {
  set(grid, {
    role: 'grid',
    'aria-label': label,
    'aria-multiselectable': 'true',
    'aria-readonly': 'true',
    'aria-rowcount': String(rows + 1),
    'aria-colcount': String(columns)
  });
  // A group without rows is none.
  set(content, { role: rows > 0 ? 'rowgroup' : 'presentation' });
}

/** The header: each of its columns can be reached and used with the keyboard. */
export function describeHeader(header: HTMLElement): HTMLElement[] {
  const columns = [...header.children].filter(
    node => !node.classList.contains('jp-DirListing-resizeHandle')
  ) as HTMLElement[];
  set(header, { role: 'row', 'aria-rowindex': '1' });
  const sortable = columns.filter(isSortable);
  const current = sortable.find(node => node.tabIndex === 0) ?? sortable[0];
  for (const node of columns) {
    set(node, { role: 'columnheader' });
    if (isSortable(node)) {
      node.tabIndex = node === current ? 0 : -1;
      set(node, { 'aria-sort': order(node) });
    }
  }
  for (const handle of header.querySelectorAll<HTMLElement>('.jp-DirListing-resizeHandle')) {
    set(handle, { role: 'presentation' });
  }
  return sortable;
}

/** One row of the list, the first of which is 0. */
export function describeRow(row: HTMLElement, index: number, selected: boolean): void {
  set(row, {
    role: 'row',
    'aria-rowindex': String(index + 2),
    'aria-selected': String(selected)
  });
  for (const cell of row.children) {
    const text = cell.classList.contains(NAME) && cell.querySelector('.jp-DirListing-itemText');
    // The text of a name is the cell, as it has the focus; while it is edited its column is.
    set(cell, { role: text ? 'presentation' : 'gridcell' });
    if (text) {
      set(text, { role: 'gridcell' });
    }
  }
}

function isSortable(column: HTMLElement): boolean {
  return column.classList.contains('jp-DirListing-headerItem');
}

function order({ classList }: HTMLElement): string {
  if (!classList.contains('jp-mod-selected')) {
    return 'none';
  }
  return classList.contains('jp-mod-descending') ? 'descending' : 'ascending';
}

/** Set attributes, but only those that change: others would be told to those who listen again. */
function set(node: Element, attributes: Record<string, string>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) !== value) {
      node.setAttribute(name, value);
    }
  }
}

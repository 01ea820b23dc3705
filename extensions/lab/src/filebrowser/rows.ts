/** Which rows of a long list are drawn, in plain numbers: pixels and row indexes. */

/** Rows above and below the viewport that are drawn as well, so that a small scroll costs nothing. */
const MARGIN = 20;

/** A list of at most so many rows is drawn whole, as stock draws all lists. */
const WHOLE = 100;

/** Rows `start` up to, not including, `end`. */
export interface IRange {
  readonly start: number;
  readonly end: number;
}

/** Where a list of equally high rows is scrolled to. */
export interface IView {
  readonly total: number;
  readonly rowHeight: number;
  readonly scrollTop: number;
  /** Height of what is seen of the list. */
  readonly height: number;
}

/** The rows that are seen, at least in part. */
export function visible({ total, rowHeight, scrollTop, height }: IView): IRange {
  const start = Math.min(Math.max(Math.floor(scrollTop / rowHeight), 0), total);
  const end = Math.min(Math.max(Math.ceil((scrollTop + height) / rowHeight), start), total);
  return { start, end };
}

/** The rows to draw. */
export function drawn(view: IView): IRange {
  const { total } = view;
  if (total <= WHOLE) {
    return { start: 0, end: total };
  }
  const { start, end } = visible(view);
  return { start: Math.max(start - MARGIN, 0), end: Math.min(end + MARGIN, total) };
}

/** Whether every row of `inner` is in `outer`. */
export function covers(outer: IRange, inner: IRange): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}

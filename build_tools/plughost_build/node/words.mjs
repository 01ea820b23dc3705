/** Small text helpers for messages that name the right word. */

/**
 * The known word that was probably meant, or nothing when none is near.
 *
 * @param {string} word
 * @param {Iterable<string>} known
 * @returns {string | undefined}
 */
export function nearest(word, known) {
  const reach = Math.max(2, Math.floor(word.length / 3));
  const near = [...known]
    .map(each => ({ each, away: distance(word, each) }))
    .filter(({ away }) => away <= reach)
    .sort((one, other) => one.away - other.away || (one.each < other.each ? -1 : 1));
  return near[0]?.each;
}

/** Levenshtein distance. @param {string} one @param {string} other */
function distance(one, other) {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const swap = row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, swap));
    }
    row = next;
  }
  return row[other.length];
}

/**
 * "a", "a and b", "a, b and c", with the tail of a long list counted.
 *
 * @param {string[]} items
 */
export function list(items) {
  const shown = items.length > 6 ? [...items.slice(0, 5), `${items.length - 5} more`] : items;
  return shown.length < 2
    ? shown.join('')
    : `${shown.slice(0, -1).join(', ')} and ${shown[shown.length - 1]}`;
}

/** "120.1 kB". @param {number} count */
export function bytes(count) {
  const [size, unit] =
    count < 1000
      ? [`${count}`, 'B']
      : count < 1e6
        ? [(count / 1e3).toFixed(1), 'kB']
        : [(count / 1e6).toFixed(2), 'MB'];
  return `${size} ${unit}`;
}

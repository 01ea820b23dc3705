/** Extensions that do not work in this page, as text to paste into a report. */

import type { IRecord } from '@plughost/host';

export type Problems = readonly IRecord[];

/** The list as somebody would paste it into a report. */
export function textOf(problems: Problems): string {
  return [...byExtension(problems)]
    .map(([extension, records]) => [extension, ...records.map(lineOf)].join('\n'))
    .join('\n\n');
}

function lineOf({ kind, name, state, phase, error, hint }: IRecord): string {
  const said = [error, hint].filter(Boolean).map(text => `\n    ${text}`);
  return `  ${kind} ${name}: ${state} (${phase})${said.join('')}`;
}

/** The records by the name of their extension, in the order in which these come. */
export function byExtension(problems: Problems): Map<string, IRecord[]> {
  const found = new Map<string, IRecord[]>();
  for (const record of problems) {
    found.set(record.extension, [...(found.get(record.extension) ?? []), record]);
  }
  return found;
}

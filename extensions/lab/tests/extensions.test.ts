/** The list of extensions with problems, as text to paste into a report. */

import type { IRecord } from '@plughost/host';
import { expect, it } from 'vitest';
import { textOf } from '../src/extensions/text';

const record = (name: string, extension: string, facts: Partial<IRecord>): IRecord => ({
  kind: 'plugin',
  name,
  extension,
  description: '',
  state: 'failed',
  phase: 'activate',
  ms: 1,
  waitingFor: [],
  error: null,
  hint: null,
  ...facts
});

it('has each extension once, with what is wrong and what to do', () => {
  const problems = [
    record('tea:pot', 'tea', { error: 'no water', hint: 'Report it.' }),
    record('milk:jug', 'milk', { state: 'waiting', hint: 'Nobody provides it.' }),
    record('npm-tea', 'tea', { kind: 'frontend', phase: 'import', error: 'no leaves' })
  ];
  expect(textOf(problems)).toBe(
    [
      'tea',
      '  plugin tea:pot: failed (activate)',
      '    no water',
      '    Report it.',
      '  frontend npm-tea: failed (import)',
      '    no leaves',
      '',
      'milk',
      '  plugin milk:jug: waiting (activate)',
      '    Nobody provides it.'
    ].join('\n')
  );
});

/** Which of the server's events mean that a folder is to be read again. */

import { expect, it } from 'vitest';
import { concerns } from '../../src/filebrowser/changes';

const onDisk = 'https://events.plughost.dev/contents_changes/v1';
const byClients = 'https://events.jupyter.org/jupyter_server/contents_service/v1';

it.each([
  [{ schema_id: onDisk, action: 'created', path: 'data/new.csv' }, true],
  [{ schema_id: onDisk, action: 'deleted', path: '/data/old.csv' }, true],
  [{ schema_id: onDisk, action: 'changed', path: 'data' }, true],
  [{ schema_id: onDisk, action: 'changed', path: 'data/deep/er.csv' }, false],
  [{ schema_id: onDisk, action: 'changed', path: 'other' }, false],
  [{ schema_id: byClients, action: 'save', path: 'data/a.ipynb' }, true],
  [{ schema_id: byClients, action: 'rename', path: 'b.csv', source_path: 'data/b.csv' }, true],
  [{ schema_id: byClients, action: 'get', path: 'data/a.ipynb' }, false],
  [{ schema_id: 'https://events.example.org/v1', path: 'data/a.ipynb' }, false]
])('%j concerns the folder "data": %s', (event, does) => {
  expect(concerns(event, 'data')).toBe(does);
});

it('knows the entries of the root folder', () => {
  const event = { schema_id: onDisk, action: 'created' };
  expect(concerns({ ...event, path: 'new.csv' }, '')).toBe(true);
  expect(concerns({ ...event, path: 'data/new.csv' }, '')).toBe(false);
});

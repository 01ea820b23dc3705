/** What is filled in without JupyterLab's validator is what that would have filled in. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultSchemaValidator } from '@jupyterlab/settingregistry';
import { describe, expect, it } from 'vitest';
import { defaults, LazyValidator } from '../../src/startup/defaults';

const packages = join(import.meta.dirname, '../../../../node_modules/@jupyterlab');
const files = readdirSync(packages, { encoding: 'utf8' })
  .map(name => join(name, 'schema'))
  .filter(folder => existsSync(join(packages, folder)))
  .flatMap(folder => readdirSync(join(packages, folder)).map(file => join(folder, file)))
  .filter(file => file.endsWith('.json'));
const read = (file: string): any => JSON.parse(readFileSync(join(packages, file), 'utf8'));

function plugin(schema: any, raw = '{}'): any {
  return { id: 'some:plugin', raw, schema, version: '1', data: { composite: {}, user: {} } };
}

/** The composite that JupyterLab's own validator makes. */
function stock(schema: any): any {
  const each = plugin(schema);
  expect(new DefaultSchemaValidator().validateData(each)).toBeNull();
  return each.data.composite;
}

it('has the schemas of JupyterLab to look at', () => {
  expect(files.length).toBeGreaterThan(60);
});

it.each(files)('fills in %s as the stock validator does', file => {
  const schema = read(file);
  expect(defaults(schema)).toEqual(stock(schema));
});

const object = (properties: any, more: any = {}) => ({ type: 'object', properties, ...more });

describe('of a schema with', () => {
  it.each<[string, any]>([
    ['nested defaults', object({ a: object({ b: { default: 1 } }, { default: {} }) })],
    ['defaults below what has none', object({ a: object({ b: { default: 1 } }) })],
    [
      'items',
      object({
        a: { type: 'array', items: object({ b: { default: 2 } }), default: [{}, { b: 1 }] }
      })
    ],
    [
      'references',
      {
        ...object({ a: { $ref: '#/definitions/x', default: {} }, b: { $ref: '#/definitions/x' } }),
        definitions: { x: object({ c: { default: [1] } }) }
      }
    ],
    ['allOf', object({}, { allOf: [object({ a: { default: 1 } })] })],
    ['anyOf, whose defaults do not count', object({}, { anyOf: [object({ a: { default: 1 } })] })],
    [
      'additional properties',
      object({
        a: {
          type: 'object',
          default: { x: {} },
          additionalProperties: object({ b: { default: 3 } })
        }
      })
    ],
    [
      'patterns',
      object(
        { a: object({}, { default: {} }) },
        {
          patternProperties: { '^a': object({ b: { default: 1 } }) },
          additionalProperties: object({ c: { default: 2 } })
        }
      )
    ],
    ['null and false', object({ a: { default: null }, b: { default: false } })]
  ])('%s it is the same', (_, schema) => {
    expect(defaults(schema)).toEqual(stock(schema));
  });

  it.each<[string, any]>([
    ['dependencies', object({}, { dependencies: { x: object({ a: { default: 1 } }) } })],
    ['conditions', object({}, { if: {}, else: object({ a: { default: 1 } }) })],
    ['references to elsewhere', object({}, { $ref: 'jupyterlab-plugin-schema' })],
    ['references to nothing', object({}, { $ref: '#/definitions/none' })]
  ])('%s it leaves the matter to the stock validator', (_, schema) => {
    expect(defaults(schema)).toBeNull();
  });
});

it('leaves the schema as it was', () => {
  const schema = object({ a: { default: { list: [] } } });
  (defaults(schema as any) as any).a.list.push(1);
  expect(schema.properties.a.default.list).toEqual([]);
});

describe('LazyValidator', () => {
  it('validates what a person has set', () => {
    const schema = object({ a: { type: 'number', default: 1 }, b: { default: 2 } });
    const each = plugin(schema, '{"a": 5}');
    expect(new LazyValidator().validateData(each)).toBeNull();
    expect(each.data).toEqual({ composite: { a: 5, b: 2 }, user: { a: 5 } });
    expect(new LazyValidator().validateData(plugin(schema, '{"a": "x"}'))).toMatchObject([
      { keyword: 'type', instancePath: '/a' }
    ]);
    expect(new LazyValidator().validateData(plugin(schema, '{"a": '))).toMatchObject([
      { keyword: expect.stringMatching(/syntax|parse/) }
    ]);
  });

  it('only looks when it is not to fill in', () => {
    const each = plugin(object({ a: { default: 1 } }));
    expect(new LazyValidator().validateData(each, false)).toBeNull();
    expect(each.data.composite).toEqual({});
  });

  it('refuses what is no object', () => {
    expect(new LazyValidator().validateData(plugin({ type: 'array' }))).toMatchObject([
      { keyword: 'schema' }
    ]);
  });
});

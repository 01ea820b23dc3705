/**
 * Settings without a compiler at the start.
 *
 * The stock registry compiles two validators for the schema of each plugin, a sixth of all the
 * work until the launcher is there. Where a person has set nothing there is nothing to validate:
 * the defaults are filled in as the validator would.
 */

import {
  DefaultSchemaValidator,
  type ISchemaValidator,
  type ISettingRegistry
} from '@jupyterlab/settingregistry';
import { JSONExt, type PartialJSONObject, type PartialJSONValue } from '@lumino/coreutils';

/** JupyterLab's validator, made when a person has set something. */
export class LazyValidator implements ISchemaValidator {
  validateData(each: ISettingRegistry.IPlugin, populate = true): ISchemaValidator.IError[] | null {
    if (each.raw.trim() === '{}' && each.schema.type === 'object') {
      const composite = defaults(each.schema);
      if (composite) {
        if (populate) {
          each.data = { composite, user: {} };
        }
        return null;
      }
    }
    this._validator ??= new DefaultSchemaValidator();
    return this._validator.validateData(each, populate);
  }

  private _validator: DefaultSchemaValidator | null = null;
}

/** What may hold a schema besides what `fill` knows. */
const UNKNOWN = [
  'dependencies',
  'dependentSchemas',
  'if',
  'contains',
  'prefixItems',
  '$dynamicRef',
  '$recursiveRef',
  'unevaluatedProperties',
  'unevaluatedItems'
];

/** Thrown where a schema says more than `fill` knows. */
class Beyond extends Error {}

type Schema = PartialJSONObject;

/**
 * The settings of somebody who has set nothing, as Ajv's `useDefaults` makes them of `{}`.
 *
 * `null` when the schema needs Ajv itself.
 */
export function defaults(schema: ISettingRegistry.ISchema): PartialJSONObject | null {
  const composite = {};
  try {
    fill(schema, composite, schema);
  } catch (error) {
    if (error instanceof Beyond) {
      return null;
    }
    throw error;
  }
  return composite;
}

/** Fill `data` with the defaults of `schema`, where there is no value. */
function fill(schema: Schema, data: PartialJSONValue, root: Schema): void {
  if (!isObject(schema) || typeof data !== 'object' || data === null) {
    return;
  }
  if (UNKNOWN.some(key => key in schema)) {
    throw new Beyond();
  }
  if (typeof schema.$ref === 'string') {
    fill(resolve(schema.$ref, root), data, root);
  }
  for (const each of (schema.allOf as Schema[] | undefined) ?? []) {
    fill(each, data, root);
  }
  if (Array.isArray(data)) {
    fillItems(schema, data, root);
  } else {
    fillProperties(schema, data as PartialJSONObject, root);
  }
}

function fillItems({ items }: Schema, data: PartialJSONValue[], root: Schema): void {
  if (Array.isArray(items)) {
    throw new Beyond();
  }
  for (const item of data) {
    fill(items as Schema, item, root);
  }
}

function fillProperties(schema: Schema, data: PartialJSONObject, root: Schema): void {
  const properties = (schema.properties as Record<string, Schema> | undefined) ?? {};
  for (const [name, each] of Object.entries(properties)) {
    if (data[name] === undefined && each.default !== undefined) {
      data[name] = JSONExt.deepCopy(each.default as any);
    }
  }
  const patterns = Object.entries((schema.patternProperties as Record<string, Schema>) ?? {});
  for (const [name, value] of Object.entries(data)) {
    const named = Object.hasOwn(properties, name) ? [properties[name]] : [];
    const matching = patterns.filter(([pattern]) => new RegExp(pattern, 'u').test(name));
    const known = [...named, ...matching.map(([, each]) => each)];
    for (const each of known.length > 0 ? known : [schema.additionalProperties as Schema]) {
      fill(each, value as PartialJSONValue, root);
    }
  }
}

/** The schema that a reference within the document leads to (RFC 6901). */
function resolve(reference: string, root: Schema): Schema {
  if (!reference.startsWith('#/')) {
    throw new Beyond();
  }
  let found: any = root;
  for (const part of decodeURIComponent(reference.slice(2)).split('/')) {
    found = found?.[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  if (!isObject(found)) {
    throw new Beyond();
  }
  return found;
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

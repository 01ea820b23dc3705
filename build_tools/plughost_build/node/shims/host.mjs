/**
 * Stands in for `@plughost/host` where there is no plughost: what it exports besides types.
 *
 * A test in ui/ holds the two together.
 */

/** @param {Record<string, unknown> & {requires?: unknown[], optional?: unknown[]}} definition */
export function definePlugin(definition) {
  return {
    autoStart: true,
    ...definition,
    requires: [...(definition.requires ?? [])],
    optional: [...(definition.optional ?? [])]
  };
}

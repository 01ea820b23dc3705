/**
 * Stands in for `@plughost/host` where there is no plughost: what it exports besides types.
 *
 * A test in ui/ holds the two together.
 */

/** @param {Record<string, any> & {requires?: unknown[], optional?: unknown[]}} definition */
export function definePlugin(definition) {
  const requires = [...(definition.requires ?? [])];
  const optional = [...(definition.optional ?? [])];
  const plugin = { autoStart: true, ...definition, requires, optional };
  const keeps = plugin.activate.length > 1 + requires.length + optional.length;
  return keeps ? keeping(plugin) : plugin;
}

function keeping(plugin) {
  let end = async () => undefined;
  return {
    ...plugin,
    activate: async (...services) => {
      const kept = [];
      let ended = false;
      const keep = undo => {
        kept.push(undo);
        if (ended) {
          end().catch(console.error);
        }
        return undo;
      };
      end = async () => {
        ended = true;
        const failures = [];
        for (const undo of kept.splice(0).reverse()) {
          try {
            await ('dispose' in undo ? undo.dispose() : undo());
          } catch (error) {
            failures.push(error);
          }
        }
        if (failures.length > 0) {
          throw failures[0];
        }
      };
      try {
        return await plugin.activate(...services, keep);
      } catch (error) {
        await end().catch(console.error);
        throw error;
      }
    },
    deactivate: async (...services) => {
      try {
        await plugin.deactivate?.(...services);
      } finally {
        await end();
      }
    }
  };
}

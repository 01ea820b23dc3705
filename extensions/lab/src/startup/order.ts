/**
 * What is visible first is activated first.
 *
 * Of the stock plugins about half have nothing to do with what a fresh page shows. They wait
 * until the browser is idle, or until somebody touches the page or runs a command: whatever a
 * person does finds them all active.
 */

import type { PartialJSONValue } from '@lumino/coreutils';

/**
 * The stock plugins that make what a fresh page shows: the shell, its bars and side panels, the
 * file browser, and the launcher with its cards. What these require, or would like to have, is
 * activated with them; a package stands for all of its plugins.
 */
const FIRST = new Set([
  ...of('application', 'commands', 'context-menu', 'dirty', 'faviconbusy', 'info', 'layout'),
  ...of('application', 'logo', 'main', 'notfound', 'paths', 'property-inspector', 'router'),
  ...of('application', 'shell', 'status', 'top-bar', 'tree-resolver'),
  ...of('apputils', 'kernel-status', 'notification', 'resolver', 'running-sessions-status'),
  ...of('apputils', 'sanitizer', 'settings', 'splash', 'state', 'themes', 'themes-palette-menu'),
  ...of('console', 'factory', 'tracker'),
  ...of('debugger', 'main', 'sidebar'),
  ...of('docmanager', 'manager', 'opener', 'path-status', 'plugin'),
  ...of('filebrowser', 'browser', 'create-new-language-file', 'default-file-browser', 'factory'),
  ...of('filebrowser', 'file-upload-status', 'settings', 'widget'),
  ...of('fileeditor', 'plugin', 'widget-factory'),
  ...of('inspector', 'inspector'),
  ...of('launcher'),
  ...of('mainmenu', 'plugin'),
  ...of('notebook', 'factory', 'tracker', 'widget-factory'),
  ...of('rendermime'),
  ...of('running', 'sidebar'),
  ...of('services'),
  ...of('statusbar'),
  ...of('terminal', 'plugin'),
  ...of('theme-dark'),
  ...of('theme-dark-high-contrast'),
  ...of('theme-light'),
  ...of('toc', 'tracker'),
  ...of('translation', 'translator'),
  // Content of other servers may stand in the first thing that is shown.
  '@plughost/lab:external-content'
]);

/** What the layout calls widgets that those plugins restore: up to the colon of their names. */
const RESTORED_FIRST = ['console', 'editor', 'notebook', 'terminal'];

/** Whether a stock plugin can wait. */
export function canWait(id: string): boolean {
  return !FIRST.has(id) && !FIRST.has(id.split(':')[0]);
}

/**
 * Whether a saved layout can be restored while those that can wait do.
 *
 * @param workspace the answer of the server, JSON; `undefined` when the page has none
 */
export function isPlain(workspace: string | undefined): boolean {
  if (workspace === undefined) {
    return false;
  }
  const layout = JSON.parse(workspace).data?.['layout-restorer:data'];
  return names([layout?.main?.dock, layout?.down?.widgets]).every(name =>
    RESTORED_FIRST.includes(name.split(':')[0])
  );
}

/** The names of all widgets in a part of a layout. */
function names(part: PartialJSONValue | undefined): string[] {
  if (typeof part === 'string') {
    return [part];
  }
  if (Array.isArray(part)) {
    return part.flatMap(names);
  }
  if (typeof part !== 'object' || part === null) {
    return [];
  }
  return [...names(part.children), ...names(part.widgets)];
}

function of(name: string, ...plugins: string[]): string[] {
  const extension = `@jupyterlab/${name}-extension`;
  return plugins.length === 0 ? [extension] : plugins.map(plugin => `${extension}:${plugin}`);
}

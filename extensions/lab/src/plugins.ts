/**
 * The stock plugins: every package of plugins that JupyterLab's own page is made of, but for two
 * that need a server half which is not here:
 *
 * - `@jupyterlab/extensionmanager-extension`: installs labextensions.
 * - `@jupyterlab/pluginmanager-extension`: switches plugins on and off.
 */

import {
  createRendermimePlugin,
  createRendermimePlugins,
  type IMimeDocumentTracker,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import application from '@jupyterlab/application-extension';
import apputils from '@jupyterlab/apputils-extension';
import audio from '@jupyterlab/audio-extension';
import cellToolbar from '@jupyterlab/cell-toolbar-extension';
import celltags from '@jupyterlab/celltags-extension';
import codemirror from '@jupyterlab/codemirror-extension';
import completer from '@jupyterlab/completer-extension';
import codeConsole from '@jupyterlab/console-extension';
import csvviewer from '@jupyterlab/csvviewer-extension';
import debugging from '@jupyterlab/debugger-extension';
import docmanager from '@jupyterlab/docmanager-extension';
import documentsearch from '@jupyterlab/documentsearch-extension';
import filebrowser from '@jupyterlab/filebrowser-extension';
import fileeditor from '@jupyterlab/fileeditor-extension';
import help from '@jupyterlab/help-extension';
import htmlviewer from '@jupyterlab/htmlviewer-extension';
import hub from '@jupyterlab/hub-extension';
import imageviewer from '@jupyterlab/imageviewer-extension';
import inspector from '@jupyterlab/inspector-extension';
import javascript from '@jupyterlab/javascript-extension';
import json from '@jupyterlab/json-extension';
import launcher from '@jupyterlab/launcher-extension';
import logconsole from '@jupyterlab/logconsole-extension';
import lsp from '@jupyterlab/lsp-extension';
import mainmenu from '@jupyterlab/mainmenu-extension';
import markdownviewer from '@jupyterlab/markdownviewer-extension';
import markedparser from '@jupyterlab/markedparser-extension';
import mathjax from '@jupyterlab/mathjax-extension';
import mermaid from '@jupyterlab/mermaid-extension';
import mermaidMime from '@jupyterlab/mermaid-extension/lib/mime.js';
import metadataform from '@jupyterlab/metadataform-extension';
import notebook from '@jupyterlab/notebook-extension';
import pdf from '@jupyterlab/pdf-extension';
import rendermime from '@jupyterlab/rendermime-extension';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import running from '@jupyterlab/running-extension';
import services from '@jupyterlab/services-extension';
import settingeditor from '@jupyterlab/settingeditor-extension';
import shortcuts from '@jupyterlab/shortcuts-extension';
import statusbar from '@jupyterlab/statusbar-extension';
import terminal from '@jupyterlab/terminal-extension';
import themeDark from '@jupyterlab/theme-dark-extension';
import themeDarkHighContrast from '@jupyterlab/theme-dark-high-contrast-extension';
import themeLight from '@jupyterlab/theme-light-extension';
import toc from '@jupyterlab/toc-extension';
import tooltip from '@jupyterlab/tooltip-extension';
import translation from '@jupyterlab/translation-extension';
import uiComponents from '@jupyterlab/ui-components-extension';
import vega5 from '@jupyterlab/vega5-extension';
import video from '@jupyterlab/video-extension';
import workspaces from '@jupyterlab/workspaces-extension';
import type { IPlugin } from '@lumino/coreutils';
import { about } from './about';
import { accessibility } from './accessibility';
import { captions } from './captions';
import { extensionProblems } from './extensions';
import { externalContent } from './external';
import { fileBrowserFactory } from './filebrowser';
import { openHelp } from './help';
import { insteadOfStock, kernels } from './kernels';
import { languageServers } from './languageservers';
import { notebookFactory } from './notebook';
import { typedByData } from './pdf';
import { launcher as launching } from './startup/launcher';
import { layout } from './startup/layout';
import { serverSettings } from './startup/server';
import { settings } from './startup/settings';
import { state } from './startup/state';
import { windowResolver } from './startup/window';

/** Left out of what those packages bring, each with its reason. */
const LEFT_OUT = new Set([
  // Asks for Jupyter's news and for updates of JupyterLab, which this is not.
  '@jupyterlab/apputils-extension:announcements'
]);

const standard = [
  accessibility,
  application,
  apputils,
  audio,
  captions,
  cellToolbar,
  celltags,
  codemirror,
  completer,
  codeConsole,
  csvviewer,
  debugging,
  docmanager,
  documentsearch,
  extensionProblems,
  externalContent,
  filebrowser,
  fileeditor,
  help,
  htmlviewer,
  hub,
  imageviewer,
  inspector,
  kernels,
  launcher,
  logconsole,
  lsp,
  mainmenu,
  markdownviewer,
  markedparser,
  mathjax,
  mermaid,
  metadataform,
  notebook,
  rendermime,
  running,
  services,
  settingeditor,
  shortcuts,
  statusbar,
  terminal,
  themeDark,
  themeDarkHighContrast,
  themeLight,
  toc,
  tooltip,
  translation,
  uiComponents,
  video,
  workspaces
];

/** Renderers of one kind of data each; wrapped into a plugin each. */
const mime = [javascript, json, mermaidMime, typedByData(pdf), vega5];

/** Plugins of ours, each in the place of the stock one of its id. */
const OURS = new Map<string, IPlugin<any, any>>(
  [
    about,
    fileBrowserFactory,
    ...insteadOfStock,
    languageServers,
    launching,
    layout,
    notebookFactory,
    openHelp,
    serverSettings,
    settings,
    state,
    windowResolver
  ].map(plugin => [plugin.id, plugin])
);

const renderers = createRendermimePlugins(mime as any[]);

/** All stock plugins, standard ones after renderers, as JupyterLab registers them. */
export const stockPlugins: readonly IPlugin<any, any>[] = [
  ...renderers,
  ...(standard.flat() as IPlugin<any, any>[])
]
  .filter(plugin => !LEFT_OUT.has(plugin.id))
  .map(plugin => OURS.get(plugin.id) ?? plugin);

/** The stock plugin that gives the tracker of what renderers draw as documents. */
const tracking = renderers.at(-1) as JupyterFrontEndPlugin<IMimeDocumentTracker>;

/** Whether a frontend exports a renderer of one kind of data in place of a plugin. */
export function isRenderer(exported: unknown): exported is IRenderMime.IExtension {
  return exported instanceof Object && 'rendererFactory' in exported && !('activate' in exported);
}

/** The plugin of one renderer more. */
export function rendererPlugin(renderer: IRenderMime.IExtension): IPlugin<any, any> {
  // Without a restorer it only returns the tracker, which is nowhere else to be had.
  const documents = tracking.activate(null as any, null) as IMimeDocumentTracker;
  return createRendermimePlugin(documents as any, renderer);
}

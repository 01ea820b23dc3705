/** The one route of the outsider's server half. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/** What `/outsider/api/greeting` answers. */
export interface IGreeting {
  readonly greeting: string;
  /** Version of the Python that the host runs on. */
  readonly python: string;
  /** The host's process id. */
  readonly pid: number;
}

/** Ask the server half; throws when it does not answer with a greeting. */
export async function askForGreeting(settings: ServerConnection.ISettings): Promise<IGreeting> {
  const url = URLExt.join(settings.baseUrl, 'outsider/api/greeting');
  const response = await ServerConnection.makeRequest(url, {}, settings);
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return (await response.json()) as IGreeting;
}

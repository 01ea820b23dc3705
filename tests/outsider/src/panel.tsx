/** The panel: the server half's greeting, with a button that copies it. */

import { ReactWidget } from '@jupyterlab/apputils';
import type { ServerConnection } from '@jupyterlab/services';
import { Widget } from '@lumino/widgets';
import { PureComponent, useEffect, useState } from 'react';
import { CopyToClipboard } from 'react-copy-to-clipboard';
import { askForGreeting, type IGreeting } from './greeting';

/** A Lumino widget that renders the greeting with the page's React. */
export class GreetingPanel extends ReactWidget {
  /** `shell` is any widget that the page made; it tells whether we share the page's Lumino. */
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly shell: unknown
  ) {
    super();
    this.addClass('outsider-panel');
  }

  protected override render() {
    return <Greeting settings={this.settings} sameLumino={this.shell instanceof Widget} />;
  }
}

interface IProps {
  readonly settings: ServerConnection.ISettings;
  readonly sameLumino: boolean;
}

function Greeting({ settings, sameLumino }: IProps) {
  const [answer, setAnswer] = useState<IGreeting | Error>();
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    let current = true;
    askForGreeting(settings).then(
      greeting => current && setAnswer(greeting),
      error => current && setAnswer(error as Error)
    );
    return () => {
      current = false;
    };
  }, [settings]);

  if (answer === undefined) {
    return <p className="outsider-waiting">Asking …</p>;
  }
  if (answer instanceof Error) {
    return <p className="outsider-error">There was no greeting: {answer.message}</p>;
  }
  return (
    <section
      className="outsider-greeting"
      // The copy button comes from a CommonJS package that requires React on its own: only if
      // it got the page's React does its class descend from the one imported here.
      data-same-react={String(CopyToClipboard.prototype instanceof PureComponent)}
      data-same-lumino={String(sameLumino)}
      data-pid={answer.pid}
    >
      <h2>{answer.greeting}</h2>
      <p>The host runs on Python {answer.python}.</p>
      <CopyToClipboard text={answer.greeting} onCopy={() => setCopied(true)}>
        <button type="button" className="jp-mod-styled">
          {copied ? 'Copied' : 'Copy'}
        </button>
      </CopyToClipboard>
    </section>
  );
}

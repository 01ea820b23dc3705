"""`plughost serve`: its options, most of which are settings."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--ip", "--host", "ip", metavar="ADDRESS", help="Address to listen on [127.0.0.1].")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; the next free one if it is taken [8888]."
)
@click.option("--unix-socket", type=FILE, help="Listen on this file instead.")
@click.option("--base-url", metavar="PATH", help="Path under which everything is served [/].")
@click.option("--root", type=FILE, help="Folder to show [the current one].")
@click.option("--no-browser", is_flag=True, help="Print the URL, open nothing.")
@click.option("--token", help="What callers must present [random].")
@click.option("--token-file", type=FILE, help="File with the token.")
@click.option("--no-auth", is_flag=True, default=None, help="Let everybody in (loopback only).")
@click.option(
    "--allow-origin", multiple=True, metavar="URL", help="Let that site's pages in; repeatable."
)
@click.option("--certfile", type=FILE, help="Serve HTTPS with this certificate.")
@click.option("--keyfile", type=FILE, help="The certificate's key.")
@click.option("--config", type=FILE, help="One more plughost.toml, above yours.")
@click.option("--safe", is_flag=True, default=None, help="Load first-party extensions only.")
@click.option("--log-json", is_flag=True, help="Log JSON, one object a line.")
@click.option("--verbose", "-v", is_flag=True, help="Log every request.")
def serve(
    path: Path | None,
    no_browser: bool,
    allow_origin: tuple[str, ...],
    config: Path | None,
    log_json: bool,
    verbose: bool,
    **flags: Any,
) -> None:
    """Serve a folder, or open one file, in the browser.

    A file below the current folder is opened in that; another one in its own.

    \b
    Examples:
      plughost serve ~/notebooks        another folder than the current one
      plughost serve analysis.ipynb     one file, opened
      plughost serve --host 0.0.0.0 --certfile my.pem --token-file my-token
    """
    from plughost import log_lines, terminal
    from plughost.serving import run

    log_lines.set_up(level=logging.DEBUG if verbose else logging.INFO, as_json=log_json)
    run(
        path,
        {**flags, "allow_origin": list(allow_origin) or None},
        config_file=config,
        open_browser=not no_browser,
        attended=terminal.is_attended() and not log_json,
    )

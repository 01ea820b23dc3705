"""What `plughost serve` and `plughost extensions list` do, once their arguments are known."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import json
import logging
import socket
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click
from tornado.netutil import bind_sockets, bind_unix_socket

from plughost import config, extensions, loops
from plughost.config import Config
from plughost.errors import ConfigError, ExtensionNotFound, did_you_mean
from plughost.host import Host
from plughost.records import ExtensionRecord
from plughost.starts import Starts

if TYPE_CHECKING:
    import ssl

PORTS_TO_TRY = 50

log = logging.getLogger("plughost")


def run(
    path: Path | None, flags: Mapping[str, Any], *, config_file: Path | None, open_browser: bool
) -> None:
    """Serve until a signal says stop; prints the URL as soon as it answers.

    Ctrl-C shuts down what was started; SIGTERM leaves running what can outlive the host. A
    second signal ends the process at once. Raises ConfigError, and ExtensionError when an
    extension that has to run does not.
    """
    root, file = _root_and_file(path, flags.get("root"))
    settings = config.load({**flags, "root": root}, config_file)
    for warning in settings.warnings:
        log.warning("%s", warning)
    tls = _tls(settings)
    sockets = _bind(settings)
    if settings.unix_socket is None:
        settings = dataclasses.replace(settings, port=sockets[0].getsockname()[1])
    if settings.no_auth:
        click.echo("Anybody who can reach this server may do everything on it (no_auth).", err=True)
    host = Host(config=settings)
    try:
        loops.run(host, _serve(host, sockets, tls, file, open_browser=open_browser))
    finally:
        if settings.unix_socket is not None:
            settings.unix_socket.unlink(missing_ok=True)


async def _serve(
    host: Host,
    sockets: list[socket.socket],
    tls: ssl.SSLContext | None,
    file: str | None,
    *,
    open_browser: bool,
) -> None:
    announce = asyncio.ensure_future(_announce(host, file, open_browser=open_browser))
    try:
        await host.serve(sockets, tls)
    finally:
        announce.cancel()


async def _announce(host: Host, file: str | None, *, open_browser: bool) -> None:
    base = _base(host.config)
    token = f"?token={host.auth.token}" if host.auth.token else ""
    if file is None:
        url = f"{base}{token}"
        click.echo(f"\n    {url}\n")
        click.echo("Ctrl-C stops the server and what it runs.")
    else:
        await host.until(lambda: not host.loading or host.default_page is not None, seconds=60)
        page = host.default_page
        where = page.open.format(path=quote(file)) if page and page.open else "/"
        url = f"{base.rstrip('/')}{where}{token}"
        click.echo(f"\n    {url}\n")
    opens = open_browser and host.config.unix_socket is None
    if opens and not await asyncio.to_thread(webbrowser.open, url):
        log.info("No browser could be opened; open the URL yourself.")
    await host.until(lambda: not host.loading, seconds=3600)
    for name in sorted(host.config.disabled - set(host.records)):
        hint = did_you_mean(name, host.records)
        log.warning("The extension %r is disabled, and not even installed. %s", name, hint)
    for warning in host.config.unclaimed():
        log.warning("%s", warning)


def load_records() -> list[ExtensionRecord]:
    """Import and register every installed extension in this process; serve nothing."""

    async def load() -> list[ExtensionRecord]:
        host = Host(config=config.load())
        await host.load(start=False, count=False)
        return list(host.records.values())

    return asyncio.run(load())


def enable(name: str) -> None:
    """Forget an extension's failed starts. Raises ExtensionNotFound for one not installed."""
    installed = [record.name for record in extensions.find()]
    if name not in installed:
        raise ExtensionNotFound(name, installed)
    switch = config.load().switch(name)
    if switch.blocked or not switch.enabled:
        raise ConfigError(
            f"The extension {name!r} is switched off. {switch.reason}",
            hint="Change it there.",
        )
    forgiven = Starts().forget(name)
    click.echo(
        f"{name} is loaded again at the next start."
        if forgiven
        else f"{name} was not switched off."
    )


def print_records(records: list[ExtensionRecord], *, as_json: bool) -> None:
    """A table for people, plain text in a pipe, JSON for scripts; failures with what to do."""
    if as_json:
        click.echo(json.dumps([record.to_json() for record in records], indent=2))
        return
    rows = [("NAME", "STATE", "VERSION", "DISTRIBUTION", "IMPORT")]
    for record in records:
        took = record.milliseconds.get("import")
        rows.append(
            (
                record.name,
                record.state.value,
                record.version,
                record.distribution,
                f"{took:.0f} ms" if took is not None else "",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    for record in records:
        for news in [
            *record.notes,
            *([f"{record.error}\n  {record.next_step}"] if record.error else []),
        ]:
            click.echo(f"\n{record.name}: {news}")


def _root_and_file(path: Path | None, root: Path | None) -> tuple[str | None, str | None]:
    """The root folder, and the file in it to open, as a path below it with slashes."""
    if path is None:
        return (str(root) if root else None), None
    path = path.resolve()
    if path.is_dir():
        if root is not None and root.resolve() != path:
            raise ConfigError(
                f"Both the folder {str(path)!r} and --root {str(root)!r} are given.",
                hint="Leave one of them away.",
            )
        return str(path), None
    base = (root or Path.cwd()).resolve()
    if not path.is_relative_to(base):
        if root is not None:
            raise ConfigError(
                f"The file {str(path)!r} is not below --root {str(root)!r}.",
                hint="Name a file below the root, or another root.",
            )
        base = path.parent
    return str(base), path.relative_to(base).as_posix()


def _bind(settings: Config) -> list[socket.socket]:
    """Sockets on the configured port, or on the next free one, said aloud; or a unix socket.

    Raises ConfigError when the address is not ours or no port is free.
    """
    if settings.unix_socket is not None:
        return [_bind_unix(settings.unix_socket)]
    for port in range(settings.port, settings.port + PORTS_TO_TRY if settings.port else 1):
        try:
            sockets = bind_sockets(port, settings.ip)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise ConfigError(
                f"Cannot listen on {settings.ip!r} port {port}: {error.strerror}.",
                hint="Choose another with `--ip` or `--port`.",
            ) from None
        if port != settings.port:
            click.echo(f"Port {settings.port} is taken; using {port}.", file=sys.stderr)
        return sockets
    raise ConfigError(
        f"All ports from {settings.port} to {settings.port + PORTS_TO_TRY - 1} are taken.",
        hint="Name a free one with `--port`.",
    )


def _bind_unix(path: Path) -> socket.socket:
    """A socket in the file system that only this user can open."""
    if not hasattr(socket, "AF_UNIX"):
        raise ConfigError(
            "This system has no unix sockets.", hint="Leave `--unix-socket` away; use `--port`."
        )
    with socket.socket(socket.AF_UNIX) as probe:
        if path.exists() and probe.connect_ex(str(path)) == 0:
            raise ConfigError(
                f"Another server answers at {str(path)!r}.", hint="Stop it, or name another file."
            )
    try:
        return bind_unix_socket(str(path), mode=0o600)  # what a dead server left is replaced
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"Cannot listen on the unix socket {str(path)!r}: {error}.",
            hint="Name a short path in a folder that exists and is yours.",
        ) from None


def _tls(settings: Config) -> ssl.SSLContext | None:
    """The certificate to serve with. Raises ConfigError when it cannot be used."""
    if settings.certfile is None:
        return None
    import ssl  # when needed: it takes memory

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certfile, settings.keyfile)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"The certificate {str(settings.certfile)!r} cannot be used: {error}.",
            hint="`certfile` and `keyfile` are PEM files; the key must fit and need no password.",
        ) from None
    return context


def _base(settings: Config) -> str:
    if settings.unix_socket is not None:
        return f"http+unix://{quote(str(settings.unix_socket), safe='')}{settings.base_url}"
    scheme = "http" if settings.certfile is None else "https"
    name = "127.0.0.1" if settings.ip in ("", "0.0.0.0", "::") else settings.ip
    name = f"[{name}]" if ":" in name else name
    return f"{scheme}://{name}:{settings.port}{settings.base_url}"

"""What `plughost serve` does, once its arguments are known."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import gc
import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click
from tornado.netutil import bind_sockets, bind_unix_socket

from plughost import browsing, config, loops
from plughost.config import Config, sources
from plughost.errors import ConfigError, did_you_mean
from plughost.host import Host
from plughost.interrupts import decide
from plughost.servers import RunningServer, listed

if TYPE_CHECKING:
    import ssl

PORTS_TO_TRY = 50
LAST_PORT = 65535
SHORT_TOKEN = 16
"""Characters; nobody counts the wrong tokens that programs send."""

log = logging.getLogger("plughost")


def run(
    path: Path | None,
    flags: Mapping[str, Any],
    *,
    config_file: Path | None,
    open_browser: bool,
    attended: bool,
) -> None:
    """Serve until a signal says stop; prints the URL as soon as it answers.

    Ctrl-C shuts down what was started, and if `attended` asks a person first; SIGTERM leaves
    running what can outlive the host. A second signal ends the process at once. Raises
    ConfigError, and ExtensionError when an extension that has to run does not.
    """
    root, file = _root_and_file(path, flags.get("root"))
    settings = config.load({**flags, "root": root}, config_file)
    for warning in settings.warnings:
        log.warning("%s", warning)
    if stray := _unread(settings.root, config_file):
        log.warning(
            "The file %r is not read. What it sets counts in %r, or with `--config`.",
            str(stray),
            str(sources.folders().user[-1] / sources.FILE),
        )
    if flags.get("token"):
        log.warning(
            "A token on the command line can be seen by everybody who lists the processes of "
            "this machine; --token-file names a file that has it."
        )
    if settings.token and len(settings.token) < SHORT_TOKEN:
        log.warning("The token has %d characters, which can be guessed.", len(settings.token))
    tls = _tls(settings)
    sockets = _bind(settings)
    if settings.unix_socket is None:
        settings = dataclasses.replace(settings, port=sockets[0].getsockname()[1])
    if settings.no_auth:
        log.warning("Anybody who can reach this server may do everything on it (no_auth).")
    host = Host(config=settings)
    main = _serve(host, sockets, tls, file, open_browser=open_browser, attended=attended)
    ours = _inode(settings.unix_socket)
    try:
        with contextlib.nullcontext() if settings.safe else listed(_listing(host)):
            loops.run(host, main, decide=decide if attended else None)
    finally:
        # Not that of a server that has been started in our place meanwhile.
        if settings.unix_socket is not None and _inode(settings.unix_socket) == ours:
            settings.unix_socket.unlink(missing_ok=True)


async def _serve(
    host: Host,
    sockets: list[socket.socket],
    tls: ssl.SSLContext | None,
    file: str | None,
    *,
    open_browser: bool,
    attended: bool,
) -> None:
    announce = asyncio.ensure_future(
        _announce(host, file, open_browser=open_browser, attended=attended)
    )
    try:
        await host.serve(sockets, tls)
    finally:
        announce.cancel()


async def _announce(host: Host, file: str | None, *, open_browser: bool, attended: bool) -> None:
    base = _base(host.config)
    token = f"?token={quote(host.auth.token, safe='')}" if host.auth.token else ""
    if file is None:
        url = f"{base}{token}"
    else:
        await host.until(lambda: not host.loading or host.default_page is not None, seconds=60)
        page = host.default_page
        where = page.open.format(path=quote(file)) if page and page.open else "/"
        url = f"{base.rstrip('/')}{where}{token}"
    click.echo(f"\n    {url}\n")
    first = "; it asks first when something is running" if attended else " and what it runs"
    click.echo(f"Ctrl-C stops the server{first}.")
    if open_browser and host.config.unix_socket is None:
        import webbrowser  # a server that nobody looks at does not need it

        with browsing.address(url, host.auth.token) as address:
            if not await asyncio.to_thread(webbrowser.open, address):
                log.info("No browser could be opened; open the URL yourself.")
            await host.until(lambda: not host.loading, seconds=3600)
            await host.until(lambda: host.stopping, seconds=browsing.SECONDS)
    await host.until(lambda: not host.loading, seconds=3600)
    # What imports leave behind makes room for the first page, which would else ask for more.
    gc.collect()
    for name in sorted(host.config.disabled - set(host.records)):
        hint = did_you_mean(name, host.records)
        log.warning("The extension %r is disabled, and not even installed. %s", name, hint)
    for warning in host.config.unclaimed():
        log.warning("%s", warning)


def _unread(root: Path, config_file: Path | None) -> Path | None:
    """Settings in the root folder that somebody may think count; a stranger may have put them
    there."""
    folders = sources.folders()
    read = [each / sources.FILE for each in (*folders.administrator, *folders.user)]
    read += [config_file] if config_file else []
    file = root / sources.FILE
    if not file.is_file() or any(each.exists() and each.samefile(file) for each in read):
        return None
    return file


def _root_and_file(path: Path | None, root: Path | None) -> tuple[str | None, str | None]:
    """The root folder, and the file in it to open, as a path below it with slashes."""
    if path is None:
        return (str(root) if root else None), None
    path = path.resolve()
    if path.is_dir():
        if root is not None and root.resolve() != path:
            raise click.UsageError(
                f"Both the folder {str(path)!r} and --root {str(root)!r} are given. "
                "Leave one of them away."
            )
        return str(path), None
    base = (root or Path.cwd()).resolve()
    if not path.is_relative_to(base):
        if root is not None:
            raise click.UsageError(
                f"The file {str(path)!r} is not below --root {str(root)!r}. "
                "Name a file below the root, or another root."
            )
        base = path.parent
    return str(base), path.relative_to(base).as_posix()


def _bind(settings: Config) -> list[socket.socket]:
    """Sockets on the configured port, or on the next free one, said aloud; or a unix socket.

    Raises ConfigError when the address is not ours or no port is free.
    """
    if settings.unix_socket is not None:
        return [_bind_unix(settings.unix_socket)]
    last = min(settings.port + PORTS_TO_TRY, LAST_PORT + 1) if settings.port else 1
    for port in range(settings.port, last):
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
            log.warning("Port %d is taken; using %d.", settings.port, port)
        return sockets
    raise ConfigError(
        f"All ports from {settings.port} to {last - 1} are taken.",
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


def _inode(path: Path | None) -> int | None:
    """Which file it is, whatever its name is given to later."""
    with contextlib.suppress(OSError):
        return os.stat(path).st_ino if path is not None else None
    return None


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


def _listing(host: Host) -> RunningServer:
    """This server, for those who look for running ones."""
    settings = host.config
    unix = settings.unix_socket
    return RunningServer(
        base_url=settings.base_url,
        hostname=settings.ip or "localhost",
        password=bool(settings.hashed_password),
        pid=os.getpid(),
        port=settings.port if unix is None else 0,
        root_dir=str(settings.root),
        secure=settings.certfile is not None,
        sock="" if unix is None else str(unix),
        token=host.auth.token,
        url=_base(settings),
    )


def _base(settings: Config) -> str:
    if settings.unix_socket is not None:
        return f"http+unix://{quote(str(settings.unix_socket), safe='')}{settings.base_url}"
    scheme = "http" if settings.certfile is None else "https"
    name = "127.0.0.1" if settings.ip in ("", "0.0.0.0", "::") else settings.ip
    name = f"[{name}]" if ":" in name else name
    return f"{scheme}://{name}:{settings.port}{settings.base_url}"

"""`plughost extensions`: what is installed, how it fares here and on the servers that run."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import click

from plughost.commands.completion import extension_names
from plughost.commands.groups import Group

if TYPE_CHECKING:
    from plughost.host import Host
    from plughost.servers import RunningServer

CHANGE_SECONDS = 90.0
"""A server may take so long to import and start an extension."""


@click.group(cls=Group, default="list")
def extensions() -> None:
    """See which extensions are installed and how they fare.

    \b
    Examples:
      plughost extensions                     all of them
      plughost extensions show kernels        everything about one
      plughost extensions disable terminals   now and at every start
    """


@extensions.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
def list_extensions(as_json: bool) -> None:
    """Import every installed extension and say how that went.

    Where servers run, what they say of each extension stands beside it. Ends with exit code 1
    when one has failed here.
    """
    from plughost import terminal

    records = [record.to_json() for record in tried().known.values()]
    told = _told_by_servers()
    if as_json:
        for record in records:
            record["servers"] = {
                server.url: states[record["name"]]["state"]
                for server, states in told
                if record["name"] in states
            }
        terminal.print_json(records)
    else:
        terminal.print_table([*_rows(records, told)])
        for record in records:
            for news in [*_news(record), *_news_of_pages(record["name"], told)]:
                click.echo(f"\n{record['name']}: {news}")
    if any(_stopped(record) for record in records):
        sys.exit(1)


@extensions.command()
@click.argument("name", shell_complete=extension_names)
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
def show(name: str, as_json: bool) -> None:
    """Tell everything about one extension.

    Its times, services and settings, and what stopped it. A server that runs in this folder is
    asked; without one the extension is tried here.
    """
    from plughost import terminal
    from plughost.errors import ExtensionNotFound

    where, records, settings = _known()
    record = next((each for each in records if each["name"] == name), None)
    if record is None:
        raise ExtensionNotFound(name, [each["name"] for each in records])
    settings = [each for each in settings if each["key"].startswith(f"extensions.{name}.")]
    if as_json:
        terminal.print_json({**record, "settings": settings, "issues": _issues(record)})
        return
    terminal.print_facts(
        [
            ("name", record["name"]),
            ("summary", record["summary"]),
            ("distribution", f"{record['distribution']} {record['version']}".strip()),
            ("package", record["package"]),
            ("state", f"{record['state']}, {where}"),
            ("error", record["error"]),
            ("next step", record["nextStep"]),
            ("notes", "\n".join(record["notes"])),
            ("in pages", "\n".join(_of_pages(record))),
            ("loaded by", record["guestOf"]),
            ("waits for", "\n".join(record["waitingFor"])),
            ("times", _times(record["milliseconds"])),
            ("memory", _megabytes(record["memory"])),
            ("provides", _provides(record)),
            ("requires", "\n".join(record["requires"])),
            ("settings", "\n".join(map(_setting, settings))),
            ("issues", _issues(record)),
            ("traceback", record["traceback"].rstrip()),
        ]
    )


@extensions.command()
@click.argument("name", shell_complete=extension_names)
def enable(name: str) -> None:
    """Let an extension run, now and at every start.

    What it did in earlier starts is forgiven. Servers that run start it at once.
    """
    _switch(name, enabled=True)


@extensions.command()
@click.argument("name", shell_complete=extension_names)
def disable(name: str) -> None:
    """Stop an extension, and load it at no start any more.

    Servers that run stop it at once, and with it whatever needs its services.
    """
    _switch(name, enabled=False)


# -- enable and disable


def _switch(name: str, *, enabled: bool) -> None:
    """Write it down, tell the servers that run, and say what has happened where."""
    from plughost import extensions as found
    from plughost import servers
    from plughost.config import load
    from plughost.errors import ConfigError, ExtensionNotFound

    installed = [record.name for record in found.find()]
    running = [
        each for each in servers.running_servers() if servers.extensions_of(each) is not None
    ]
    if name not in installed:
        known = tried().known  # what extensions load for others, they alone know
        if name not in known:
            raise ExtensionNotFound(name, known)
    before = load().switch(name)
    if before.locked or (before.blocked and enabled):
        word = "blocked" if before.blocked else "locked"
        raise ConfigError(
            f"The extension {name!r} is {word}: {before.reason}",
            hint="Who has written that can change it; `plughost config explain "
            f"extensions.{name}.{word}` shows all that is said.",
        )
    _write(name, enabled, before.enabled, alone=not running)
    went_well = [_tell(server, name, enabled) for server in running]  # all of them, in any case
    if not all(went_well):
        sys.exit(1)


def _write(name: str, enabled: bool, before: bool, *, alone: bool) -> None:
    from plughost.commands import user_file
    from plughost.config import load
    from plughost.starts import Starts
    from plughost.terminal import short

    if enabled != before:
        file = user_file.switch(name, enabled=enabled)
        after = load().switch(name)
        click.echo(f"{name} is {'enabled' if enabled else 'disabled'} in {short(file)}.")
        if after.enabled != enabled:
            raise click.ClickException(
                f"That has no effect: {after.reason}\nChange it there; `plughost config explain "
                f"extensions.{name}.enabled` shows all that is said."
            )
    forgiven = Starts().forget(name) if enabled else False
    if forgiven:
        click.echo(f"{name} is loaded again at the next start.")
    elif enabled == before and alone:
        click.echo(f"{name} was not switched off." if enabled else f"{name} was disabled already.")


def _tell(server: RunningServer, name: str, enabled: bool) -> bool:
    """Switch it on a running server; whether that went well."""
    from urllib.parse import quote

    from plughost.servers import Unreachable, ask
    from plughost.terminal import COLOURS, short

    where = f"On the server at {server.url} ({short(server.root_dir)})"
    try:
        status, reply = ask(
            server,
            "PATCH",
            f"/plughost/api/extensions/{quote(name, safe='')}",
            {"enabled": enabled},
            seconds=CHANGE_SECONDS,
        )
    except Unreachable as error:
        click.echo(f"{where} nothing was changed. {error.message}\n{error.hint}", err=True)
        return False
    reply = reply if isinstance(reply, dict) else {}
    if status == 404:
        click.echo(f"{where} it is not installed.")
        return True
    if status != 200:
        message = f"{reply.get('message', f'It replied {status}.')} {reply.get('hint') or ''}"
        click.echo(f"{where} nothing was changed. {message}".rstrip(), err=True)
        return False
    click.echo(f"{where} it is {click.style(reply['state'], fg=COLOURS.get(reply['state']))}.")
    if reply["error"] and enabled:
        click.echo(f"{reply['error']}\n{reply['nextStep']}", err=True)
    return not (enabled and _stopped(reply))


# -- what is known


def tried() -> Host:
    """A host that has imported and registered everything in this process, and serves nothing."""
    import asyncio

    from plughost import config
    from plughost.host import Host

    async def load() -> Host:
        host = Host(config=config.load())
        await host.load(start=False, count=False)
        return host

    # What an extension logs while it is tried stands in its record; once is enough.
    logging.disable(logging.CRITICAL)
    try:
        return asyncio.run(load())
    finally:
        logging.disable(logging.NOTSET)


def _known() -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """All records and settings, and where they are from: this folder's server, or a trial."""
    from plughost import servers

    for server in servers.here(servers.running_servers())[:1]:
        records = servers.extensions_of(server)
        if records is not None:
            _, config = servers.ask(server, "GET", "/plughost/api/config")
            return f"on the server at {server.url}", records, config["settings"]
    host = tried()
    records = [record.to_json() for record in host.known.values()]
    return "when tried here", records, host.config.to_json()


Told = list[tuple["RunningServer", dict[str, dict[str, Any]]]]


def _told_by_servers() -> Told:
    """What each running plughost server says of each extension."""
    from plughost import servers

    told = [(server, servers.extensions_of(server)) for server in servers.running_servers()]
    return [(server, {r["name"]: r for r in records}) for server, records in told if records]


# -- how it is shown


def _rows(records: list[dict[str, Any]], told: Told) -> list[list[str]]:
    places = [f"ON {server.port or server.pid}" for server, _ in told]
    rows = [["NAME", "STATE", *places, "VERSION", "DISTRIBUTION", "IMPORT"]]
    for record in records:
        took = record["milliseconds"].get("import")
        rows.append(
            [
                record["name"],
                record["state"],
                *(states.get(record["name"], {}).get("state", "-") for _, states in told),
                record["version"],
                record["distribution"],
                f"{took:.0f} ms" if took is not None else "",
            ]
        )
    return rows


def _news(record: dict[str, Any]) -> list[str]:
    error = [f"{record['error']}\n  {record['nextStep']}"] if record["error"] else []
    return [*record["notes"], *error]


def _of_pages(record: dict[str, Any]) -> list[str]:
    from plughost.page_problems import sentence

    # A server of another version may not tell.
    return [sentence(told) for told in record.get("pageProblems", ())]


def _news_of_pages(name: str, told: Told) -> list[str]:
    """What pages of running servers have said of an extension."""
    return [
        f"On the server at {server.url}: {text}"
        for server, states in told
        if name in states
        for text in _of_pages(states[name])
    ]


def _stopped(record: dict[str, Any]) -> bool:
    """Whether something that a person should know of keeps it from running."""
    return record["state"] == "failed" or (record["state"] == "waiting" and bool(record["error"]))


def _times(milliseconds: dict[str, float]) -> str:
    return ", ".join(f"{phase} {ms:.0f} ms" for phase, ms in milliseconds.items() if ms >= 0.5)


def _megabytes(size: int | None) -> str:
    return f"{size / 1e6:.1f} MB" if size else ""


def _provides(record: dict[str, Any]) -> str:
    """Its services; where another's is used instead, whose."""
    lines = []
    for key, user in record["provides"].items():
        lines.append(key if user == record["name"] else f"{key} (that of {user} is used)")
    return "\n".join(lines)


def _setting(told: dict[str, Any]) -> str:
    source = "" if told["source"] == "default" else f"  ({told['source']})"
    return f"{told['key'].split('.', 2)[2]} = {written(told['value'])}{source}"


def written(value: Any) -> str:
    """A value as TOML writes it, more or less; None is what is not set."""
    import json

    return "(not set)" if value is None else json.dumps(value, ensure_ascii=False)


def _issues(record: dict[str, Any]) -> str:
    """Where its authors take reports, as the metadata of its distribution says."""
    import importlib_metadata

    try:
        metadata = importlib_metadata.metadata(record["distribution"])
    except (importlib_metadata.PackageNotFoundError, ValueError):
        return ""
    urls = dict(
        line.partition(", ")[::2] for line in (metadata.get_all("Project-URL") or ()) if line
    )
    named = {label.lower().replace("-", " "): url for label, url in urls.items()}
    labels = ("issues", "issue tracker", "bug tracker", "bug reports", "tracker", "bugs")
    pages = ("repository", "source", "source code", "homepage")
    for label in (*labels, *pages):
        if label in named:
            return str(named[label])
    return str(metadata.get("Home-page") or "")

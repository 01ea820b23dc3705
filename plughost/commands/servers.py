"""`plughost servers`: those that run, plughost's and Jupyter's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from plughost.commands.completion import server_ports
from plughost.commands.groups import Group

if TYPE_CHECKING:
    from plughost.servers import RunningServer


@click.group(cls=Group, default="list")
def servers() -> None:
    """See, stop and open the servers that run.

    SERVER is a port, a process id or a root folder; without it the server of this folder is
    meant, or the only one.

    \b
    Examples:
      plughost servers                     all that run
      plughost servers open                this folder's, in the browser
      plughost servers stop 8888           with all that it runs
      plughost servers stop --keep         but leave its kernels running
    """


@servers.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print what their files say, tokens too.")
def list_servers(as_json: bool) -> None:
    """List your servers, as `jupyter server list` does too."""
    from plughost import terminal
    from plughost.servers import running_servers

    found = running_servers()
    if as_json:
        terminal.print_json([server.facts() for server in found])
        return
    if not found:
        click.echo("No server runs. Start one with `plughost serve`.")
        return
    told = [("PORT", "PID", "RUNS", "URL", "ROOT")]
    told += [
        (
            str(server.port or "-"),
            str(server.pid),
            _runs(facts),
            server.url,
            terminal.short(server.root_dir),
        )
        for server, facts in zip(found, _statuses(found), strict=True)
    ]
    terminal.print_table(told)


@servers.command()
@click.argument("server", required=False, shell_complete=server_ports)
@click.option("--keep", is_flag=True, help="Leave running what can outlive it, such as kernels.")
def stop(server: str | None, keep: bool) -> None:
    """Stop a server and what it runs, and wait until it is gone."""
    from plughost import servers, terminal

    chosen = servers.choose(servers.running_servers(), server)
    servers.stop(chosen, keep=keep)
    kept = "; what can outlive it goes on" if keep else ""
    where = f"{chosen.url} ({terminal.short(chosen.root_dir)})"
    click.echo(f"The server at {where} has stopped{kept}.")


@servers.command("open")
@click.argument("server", required=False, shell_complete=server_ports)
def open_server(server: str | None) -> None:
    """Open a server in the browser."""
    import time
    import webbrowser

    from plughost import browsing, servers

    chosen = servers.choose(servers.running_servers(), server)
    if chosen.sock:
        raise click.ClickException(
            f"The server at {chosen.sock!r} listens on a unix socket, where no browser reaches "
            "it.\nStart one with a port: `plughost serve`."
        )
    click.echo(f"    {chosen.address}")
    with browsing.address(chosen.address, chosen.token) as address:
        if not webbrowser.open(address):
            raise click.ClickException("No browser could be opened.\nOpen the URL above yourself.")
        if address != chosen.address:
            time.sleep(browsing.READING_SECONDS)


def _statuses(found: list[RunningServer]) -> list[dict[str, Any] | None]:
    """What each says of itself, asked at the same time: one may take its time."""
    from concurrent.futures import ThreadPoolExecutor

    from plughost.servers import status

    with ThreadPoolExecutor(max_workers=16) as pool:
        return [*pool.map(status, found)]


def _runs(facts: dict[str, Any] | None) -> str:
    """Whatever a server counts: kernels, connections, and what its extensions add."""
    from plughost.terminal import counted

    if facts is None:
        return "no answer"
    numbers = {key: n for key, n in facts.items() if isinstance(n, int) and not isinstance(n, bool)}
    return ", ".join(counted(n, key) for key, n in sorted(numbers.items()) if n) or "nothing"

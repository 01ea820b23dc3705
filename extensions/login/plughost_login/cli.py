"""`plughost password` and `plughost token`: what people log in with, from a shell."""

from __future__ import annotations

import json
import sys

import click

from plughost import BadRequest, Config, RunningServer, forget_logins, running_servers
from plughost_login.password_file import PasswordFile
from plughost_login.passwords import hash_password, judged

SHORT = 8
"""Characters; whoever takes fewer is told."""


@click.command()
@click.option("--remove", is_flag=True, help="Take the password away; the token remains.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read it from standard input.")
def password(remove: bool, from_stdin: bool) -> None:
    """Set the password that people log in with, or remove it.

    It is written, hashed, where Jupyter's own server looks for it, too.

    \b
    Examples:
      plughost password                          asks twice
      pass show notebooks | plughost password --stdin
      plughost password --remove
    """
    if remove and from_stdin:
        raise click.UsageError("`--remove` needs no password; leave `--stdin` away.")
    Config.load()  # settings that cannot be used are told before anything is written
    if remove:
        _remove()
    else:
        _set(_read() if from_stdin else _ask())


def _set(typed: str) -> None:
    file = PasswordFile()
    hashed = hash_password(typed)
    file.set(hashed)
    forget_logins()
    click.echo(f"The password, hashed with argon2, is in {file.path}.")
    click.echo("All browsers have to log in again.")
    settings = Config.load()
    if settings.hashed_password != hashed:
        _fail(
            f"But {settings.sources['hashed_password']} says otherwise, and counts for plughost.",
            "Change or remove `hashed_password` there.",
        )
    _tell_running()


def _remove() -> None:
    file = PasswordFile()
    removed = file.remove()
    if removed:
        forget_logins()
        click.echo(f"The password is gone from {file.path}; all browsers have to log in again.")
    else:
        click.echo(f"There is no password in {file.path}.")
    settings = Config.load()
    if settings.hashed_password:
        _fail(
            f"But there is still one in {settings.sources['hashed_password']}.",
            "Remove `hashed_password` there.",
        )
    if settings.no_auth:
        _fail(
            f"From the next start on anybody may enter: {settings.sources['no_auth']} asks for "
            "no token, which did not count beside a password.",
            "Remove that setting, or set a password again.",
        )
    if removed:
        _tell_running()


def _ask() -> str:
    """Ask twice. Raises UsageError where nobody can answer."""
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on. Use `--stdin`.")
    while True:
        typed: str = click.prompt("New password", hide_input=True, default="", show_default=False)
        if not typed:
            click.echo("It is empty. Type at least one character, or end with Ctrl-C.", err=True)
            continue
        again = click.prompt("Again", hide_input=True, default="", show_default=False)
        if typed == again:
            return _judged(typed)
        click.echo("These two are not the same.", err=True)


def _read() -> str:
    """All of standard input but the line end that `echo` and editors add."""
    try:
        typed = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise BadRequest("The password is not UTF-8.", hint="Encode it so.") from None
    return _judged(typed.removesuffix("\n").removesuffix("\r"))


def _judged(typed: str) -> str:
    """The password, with a word on a short one. Raises BadRequest as `judged()` does."""
    if len(judged(typed)) < SHORT:
        click.echo(f"It has fewer than {SHORT} characters, which is easy to guess.", err=True)
    return typed


def _tell_running() -> None:
    running = running_servers()
    if running:
        click.echo("Servers that run already learn of it at their next start:")
        for server in running:
            click.echo(f"  {server.url}  {server.root_dir}".rstrip())


def _fail(message: str, hint: str) -> None:
    click.echo(f"{message}\n{hint}", err=True)
    raise SystemExit(1)


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def token(context: click.Context, as_json: bool) -> None:
    """See the tokens of running servers, or end all logins.

    \b
    Examples:
      plughost token           the same as `plughost token show`
      plughost token revoke    every browser has to log in again
    """
    context.obj = as_json
    if context.invoked_subcommand is None:
        _show(as_json)


@token.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(above: bool, as_json: bool) -> None:
    """Print the URL with the token of each server that runs."""
    _show(above or as_json)


@token.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def revoke(above: bool, as_json: bool) -> None:
    """End the logins of all browsers at all your servers, at once.

    The tokens of running servers stay as they are: a server gets another one when it is
    started again, unless one is set.
    """
    forget_logins()
    if above or as_json:
        click.echo(json.dumps({"revoked": True}))
        return
    click.echo("All browsers have to log in again.")
    if any(server.token for server in running_servers()):
        click.echo("Whoever has a token still gets in: `plughost token show` prints them.")
        click.echo("Restart a server for another one; one that you have set, exchange first.")


def _show(as_json: bool) -> None:
    running = running_servers()
    if as_json:
        click.echo(json.dumps([server.facts() for server in running], indent=2))
    elif not running:
        click.echo("No server of yours is running on this machine.")
        click.echo("`plughost serve` starts one and prints its URL with the token.")
    for server in [] if as_json else running:
        click.echo(f"{server.address}  {server.root_dir}{_entrance(server)}".rstrip())


def _entrance(server: RunningServer) -> str:
    if server.token:
        return ""
    # Jupyter's own does not say of every password that there is one.
    return "  (asks for its password)" if server.password else "  (has no token)"

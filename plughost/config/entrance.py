"""Who may enter: what token, token file, `no_auth` and password say when taken together."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from plughost.config.layers import ENTRANCE, Entry, Key, Layer, Said
from plughost.errors import ConfigError

TOKEN: Key = ("token",)
NO_AUTH: Key = ("no_auth",)
PASSWORD: Key = ("hashed_password",)


def implied(layer: Layer) -> Layer:
    """The layer, with what each of ENTRANCE says of the others, so that the highest wins.

    A token file is a token that is still to be read, an empty token is `no_auth` and the
    other way round. Raises ConfigError for a layer that contradicts itself.
    """
    said = dict(layer.entries)
    token, file, no_auth = (said.get((name,)) for name in ENTRANCE)
    if token is None and file is not None:
        token = replace(file, note="From the token file.")
    if no_auth is not None and no_auth.value:
        if token is not None and token.value:
            raise ConfigError(
                f"{no_auth.source} lets everybody in, and {token.source} asks for a token.",
                hint="Remove one of the two.",
            )
        token = token or replace(no_auth, value="", note="Implied by no_auth.")
    if token is not None:
        said[TOKEN] = token
        said[NO_AUTH] = no_auth or replace(
            token, value=token.value == "", note="Implied by the token."
        )
    return replace(layer, entries=said)


def settle(said: Said) -> None:
    """Read the token if it stands in a file, and let an empty one count only with `no_auth`.

    Raises ConfigError for a file without a token.
    """
    no_auth, token, password = (_counting(said, key) for key in (NO_AUTH, TOKEN, PASSWORD))
    if no_auth and no_auth.value and no_auth.note and password and password.value:
        # Jupyter's way to ask for the password only; it must not open the door.
        _exchange(said, NO_AUTH, replace(no_auth, counts=False, note="There is a password."))
        no_auth = None
    if token and token.value == "" and not (no_auth and no_auth.value):
        note = "An empty token is none."
        _exchange(said, TOKEN, replace(token, counts=False, note=note))
    elif token and isinstance(token.value, Path):
        _exchange(said, TOKEN, replace(token, value=_read(token.value, token.source)))


def _counting(said: Said, key: Key) -> Entry | None:
    return next((entry for entry in said.get(key, ()) if entry.counts), None)


def _exchange(said: Said, key: Key, entry: Entry) -> None:
    said[key] = [entry if each.counts else each for each in said[key]]


def _read(file: Path, source: str) -> str:
    try:
        token = file.read_text(encoding="utf-8").strip()
        reason = "it is empty"
    except (OSError, ValueError) as error:
        token = ""
        reason = getattr(error, "strerror", None) or "it is not text"
    if not token:
        raise ConfigError(
            f"The token file {str(file)!r} in {source} cannot be read: {reason}.",
            hint="Correct the path, put the token into the file, or remove the setting.",
        )
    return token

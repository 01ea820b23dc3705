"""Where settings are read from: `plughost.toml` files, environment variables, flags."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import (
    ENV_CONFIG_PATH,
    SYSTEM_CONFIG_PATH,
    jupyter_config_dir,
    jupyter_config_path,
)
from msgspec.structs import replace

from plughost.config.layers import Entry, Key, Layer, flat
from plughost.errors import ConfigError, did_you_mean

FILE = "plughost.toml"

PREFIX = "PLUGHOST_"

OF_OTHERS = ("PLUGHOST_CACHE", "PLUGHOST_NODE_MIRROR")
"""Environment variables that begin like ours and belong to `plughost build`."""


class Folders(msgspec.Struct, frozen=True):
    """Where configuration files may lie; each list with the lowest first."""

    administrator: Sequence[Path]
    """The system's, and above them the environment's."""
    user: Sequence[Path]
    """The site's, those of JUPYTER_CONFIG_PATH, and Jupyter's configuration folder on top."""
    jupyter: Sequence[Path]
    """All, in the order that Jupyter has for its own files."""


def folders(administrator: Sequence[Path] | None = None) -> Folders:
    """The folders; those given are the administrator's instead of the machine's own."""
    machine = list(dict.fromkeys([*SYSTEM_CONFIG_PATH[::-1], *ENV_CONFIG_PATH[::-1]]))
    own = jupyter_config_dir()
    everywhere = jupyter_config_path()[::-1]
    users = [path for path in everywhere if path not in machine]
    first = [path for path in users if path != own]
    return Folders(
        [*map(Path, machine)] if administrator is None else administrator,
        [Path(path) for path in (*first, own) if path not in machine],
        [*map(Path, everywhere)] if administrator is None else [*administrator, *map(Path, users)],
    )


def read_folders(folders: Sequence[Path], *, administrator: bool = False) -> list[Layer]:
    """A layer for each of the folders that has a file of ours."""
    files = [folder / FILE for folder in folders]
    return [read_file(file, administrator=administrator) for file in files if os.path.isfile(file)]


def read_file(file: Path, *, administrator: bool = False) -> Layer:
    """What a TOML file says. Raises ConfigError for one that cannot be read."""
    from plughost.config.toml_lines import key_lines, parse  # most starts find no file

    try:
        text = file.read_text(encoding="utf-8-sig")
        table = parse(text)
    except FileNotFoundError:
        raise ConfigError(
            f"There is no configuration file {str(file)!r}.",
            hint="Create it, or leave `--config` away.",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"The configuration file {str(file)!r} cannot be read: {error.strerror}.",
            hint="Make it readable for the user who starts the server.",
        ) from None
    except ValueError as error:
        raise ConfigError(
            f"The configuration file {str(file)!r} is not TOML: {error}",
            hint="Correct the line it names; see https://toml.io for the format.",
        ) from None
    lines = key_lines(text)

    def source(path: Key) -> str:
        return f"{file}:{lines[path]}" if path in lines else str(file)

    return Layer(
        {key: Entry(value, source(path)) for key, value, path in flat(table)},
        administrator,
        file.absolute().parent,
    )


def read_environment(
    environment: Mapping[str, str], settings: Mapping[str, bool]
) -> tuple[list[Layer], list[str]]:
    """Jupyter's own variables for the token, ours above them, and warnings about unknown ones.

    `settings` are the names that have a variable, and whether theirs is a list.
    """
    names = {PREFIX + name.upper(): name for name in settings}
    jupyter: dict[Key, Entry] = {}
    ours: dict[Key, Entry] = {}
    warnings = []
    for variable, text in environment.items():
        entry = Entry(text, f"environment variable {variable}", text=text)
        parts = variable.removeprefix(PREFIX).lower().split("__", 2)
        if variable in ("JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE"):
            jupyter[(variable.removeprefix("JUPYTER_").lower(),)] = entry
        elif not variable.startswith(PREFIX) or variable in OF_OTHERS:
            continue
        elif variable in names:
            name = names[variable]
            ours[(name,)] = replace(entry, value=_words(text)) if settings[name] else entry
        elif parts[0] == "extensions" and len(parts) == 3:
            ours[tuple(parts)] = replace(entry, value=_toml_value(text))
        else:
            suggestion = did_you_mean(variable, [*names, *OF_OTHERS])
            warnings.append(f"The {entry.source} means nothing to plughost. {suggestion}".rstrip())
    return [Layer(jupyter), Layer(ours)], warnings


def read_flags(flags: Mapping[str, Any]) -> Layer:
    """What was given on the command line, by the names of settings; None: not given."""
    given = {name: value for name, value in flags.items() if value is not None}
    return Layer(
        {
            key: Entry(value, f"flag --{path[0].replace('_', '-')}", text=str(value))
            for key, value, path in flat(given)
        }
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _toml_value(text: str) -> Any:
    """The value that TOML would read; what is none is a text."""
    from plughost.config.toml_lines import parse

    try:
        table = parse(f"value = {text}")
    except ValueError:
        return text
    return table["value"] if len(table) == 1 else text

"""Settings of the host: flags > environment > file > defaults, each knowing its source.

The file is `plughost.toml` in the first of Jupyter's configuration folders that has one.
Its top level holds the settings below; `[extensions.<name>]` holds what belongs to an
extension, `enabled = false` among it.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import jupyter_config_path

from plughost.errors import ConfigError, did_you_mean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Config:
    """The merged settings. `sources` maps each name that was set to where it was set."""

    ip: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8888
    """Port to listen on; when it is taken, the next free one is."""
    base_url: str = "/"
    """Path under which everything is served; begins and ends with a slash."""
    root: Path = field(default_factory=Path.cwd)
    """Folder whose files are shown; kernels and terminals start in it."""
    token: str | None = None
    """What a caller must present; None: a random one, empty: anybody may enter."""
    default_page: str | None = None
    """Name of the page that `/` leads to; None: the one with the lowest rank."""
    allow_origin: list[str] = field(default_factory=list)
    """Other origins (`https://example.org`) whose pages may call this server."""
    allow_host: list[str] = field(default_factory=list)
    """Host names, besides this machine's loopback ones, under which it may be reached."""
    import_patience: float = 0.5
    """Seconds to wait for the import of one extension before the next one's begins."""
    import_timeout: float = 60.0
    """Seconds after which the import of an extension is recorded as failed."""
    hold: float = 5.0
    """Seconds that a request waits for an extension that is still loading."""
    safe: bool = False
    """Only first-party extensions are loaded, and nothing is noted of them."""
    extensions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What belongs to each extension, by its name."""
    sources: Mapping[str, str] = field(default_factory=dict)

    def extension(self, name: str, kind: type[Any]) -> Any:
        """The table `[extensions.<name>]` as a `kind`: a dataclass or msgspec.Struct.

        Raises ConfigError for a wrong type and, with a suggestion, for an unknown key.
        """
        table = dict(self.extensions.get(name, {}))
        table.pop("enabled", None)
        known = (
            [f.name for f in msgspec.structs.fields(kind)]
            if issubclass(kind, msgspec.Struct)
            else [f.name for f in dataclasses.fields(kind)]
        )
        where = f"[extensions.{name}]"
        _reject_unknown(table, known, f"{where} in {self.sources.get('extensions', 'settings')}")
        return _convert(table, kind, where)

    @property
    def disabled(self) -> set[str]:
        """Names of the extensions with `enabled = false`."""
        return {name for name, table in self.extensions.items() if table.get("enabled") is False}


SETTINGS = {f.name: f for f in dataclasses.fields(Config) if f.name != "sources"}


def load(flags: Mapping[str, Any] | None = None, file: Path | None = None) -> Config:
    """Merge all layers.

    `flags` are values by setting name, None meaning not given. `file` is read instead of
    the one in Jupyter's configuration folders. Raises ConfigError, naming the source, for
    a file that is not TOML, an unknown name and a value of the wrong type.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, layer in (
        _file_layer(file),
        ("environment", _environment_layer(os.environ)),
        ("command line", {k: v for k, v in (flags or {}).items() if v is not None}),
    ):
        _reject_unknown(layer, list(SETTINGS), source)
        values.update(layer)
        sources.update(dict.fromkeys(layer, source))
    if "root" in values:
        values["root"] = str(Path(values["root"]).expanduser().resolve())
    if "base_url" in values:
        values["base_url"] = "/" + f"{values['base_url']}/".lstrip("/").replace("//", "/")
    config: Config = _convert(values, Config, ", ".join(sorted(set(sources.values()))))
    if not config.root.is_dir():
        raise ConfigError(
            f"The root folder {str(config.root)!r} does not exist.",
            hint=f"It was set by: {sources.get('root', 'default')}. Create it or name another.",
        )
    return dataclasses.replace(config, sources=sources)


def _file_layer(file: Path | None) -> tuple[str, dict[str, Any]]:
    candidates = [file] if file else [Path(p, "plughost.toml") for p in jupyter_config_path()]
    for path in candidates:
        if not path.is_file():
            continue
        try:
            return str(path), tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"The configuration file {str(path)!r} is not TOML: {error}",
                hint="Correct the line it names; see https://toml.io for the format.",
            ) from None
    if file:
        raise ConfigError(
            f"There is no configuration file {str(file)!r}.",
            hint="Create it, or leave `--config` away.",
        )
    return "defaults", {}


def _environment_layer(environment: Mapping[str, str]) -> dict[str, Any]:
    """`PLUGHOST_<NAME>` for each scalar setting; Jupyter's own names for the token."""
    layer: dict[str, Any] = {}
    if "JUPYTER_TOKEN" in environment:
        layer["token"] = environment["JUPYTER_TOKEN"]
    elif "JUPYTER_TOKEN_FILE" in environment:
        path = Path(environment["JUPYTER_TOKEN_FILE"])
        try:
            layer["token"] = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(
                f"The token file {str(path)!r} in JUPYTER_TOKEN_FILE cannot be read: {error}",
                hint="Correct the path, or unset JUPYTER_TOKEN_FILE.",
            ) from None
    for name in SETTINGS:
        value = environment.get(f"PLUGHOST_{name.upper()}")
        if value is not None and name != "extensions":
            layer[name] = value.split(",") if name.startswith("allow_") else value
    return layer


def _reject_unknown(layer: Mapping[str, Any], known: list[str], source: str) -> None:
    for name in layer:
        if name not in known:
            raise ConfigError(
                f"Unknown setting {name!r} in {source}.",
                hint=f"{did_you_mean(name, known)}Known: {', '.join(sorted(known))}.",
            )


def _convert(values: Mapping[str, Any], kind: type[Any], source: str) -> Any:
    try:
        return msgspec.convert(values, kind, strict=False, dec_hook=_from_text)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"A setting in {source} cannot be used: {error}",
            hint="The path after `$` names the setting and the type it needs.",
        ) from None


def _from_text(kind: type[Any], value: Any) -> Any:
    """What TOML and the environment have no notation for: a path."""
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise msgspec.ValidationError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")

"""How a value becomes a setting: those of the host, and those that extensions declare."""

from __future__ import annotations

import dataclasses
import os
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from plughost.config.layers import RESERVED, Entry, Key, Layer
from plughost.errors import ConfigError, did_you_mean


class Declared(msgspec.Struct, frozen=True):
    """A field of a dataclass or msgspec.Struct, as a setting."""

    attribute: str
    kind: Any
    default: Any
    """None when there is none."""
    jupyter: tuple[str, ...]
    """What Jupyter calls it: `field(metadata={"jupyter": "ContentsManager.allow_hidden"})`,
    or `Annotated[bool, msgspec.Meta(extra={"jupyter": …})]`; several names in a tuple."""


def declared(kind: type[Any]) -> dict[str, Declared]:
    """The settings that a dataclass or msgspec.Struct declares, by their keys in the file."""
    kinds = typing.get_type_hints(kind, include_extras=True)
    if issubclass(kind, msgspec.Struct):
        return {
            f.encode_name: Declared(
                f.name, kinds[f.name], _default(f), _jupyter(_extra(kinds[f.name]))
            )
            for f in msgspec.structs.fields(kind)
        }
    return {
        f.name: Declared(
            f.name, kinds[f.name], _default(f), _jupyter({**_extra(kinds[f.name]), **f.metadata})
        )
        for f in dataclasses.fields(kind)
        if f.init
    }


def convert(entry: Entry, kind: Any, key: Key) -> Any:
    """The value as a `kind`. Raises ConfigError, which names source and type, not the value.

    What was given as text may also spell a number, a truth value or a path.
    """
    try:
        return _convert(entry.value, kind, strict=entry.text is None)
    except msgspec.ValidationError as error:
        reason = str(error).replace("`$", f"`{key[-1]}")
    if entry.text is not None:
        try:
            return _convert(entry.text, kind, strict=False)
        except msgspec.ValidationError:
            pass
    raise ConfigError(
        f"The setting {'.'.join(key)!r} in {entry.source} cannot be used: {reason}.",
        hint="Change the value there, or remove it for the default.",
    )


def typed(layer: Layer, kinds: Mapping[str, Any]) -> Layer:
    """The layer with its values as what `kinds` says of each setting, and its paths absolute.

    Raises ConfigError for an unknown setting and for a wrong type.
    """
    entries = {}
    for key, entry in layer.entries.items():
        value = convert(entry, _kind(key, kinds, entry.source), key)
        if isinstance(value, Path):
            value = Path(os.path.abspath((layer.folder or Path.cwd()) / value))
        if key == ("root",):
            value = value.resolve()
        if key == ("base_url",):
            value = _base_url(value, entry.source)
        entries[key] = replace(entry, value=value)
    return replace(layer, entries=entries)


def _base_url(text: str, source: str) -> str:
    """With one slash at both ends. Raises ConfigError for what is no path."""
    parts = [part for part in text.split("/") if part]
    if any(not part.isprintable() or set(part) & set("?#\\ ") for part in parts):
        raise ConfigError(
            f"The base_url {text!r} in {source} is no path.",
            hint="Write it like /user/ada/, without query, fragment, or spaces.",
        )
    return "/".join(["", *parts, ""])


def _kind(key: Key, kinds: Mapping[str, Any], source: str) -> Any:
    """The type of what a key holds. Raises ConfigError for one that is no setting."""
    name = key[1] if key[0] == "locked" and len(key) > 1 else key[0]
    if name not in kinds:
        raise unknown_setting(name, kinds, source)
    if len(key) == 1:
        return kinds[name]
    if key[0] == "extensions":
        inside = bool if key[2:] and key[2] in RESERVED else Any
        return inside if key[2:] else dict[str, Any]
    return str if key[0] == "services" else bool


def unknown_setting(name: str, known: Iterable[str], source: str) -> ConfigError:
    known = sorted(known)
    return ConfigError(
        f"Unknown setting {name!r} in {source}.",
        hint=f"{did_you_mean(name, known)}Known: {', '.join(known)}.",
    )


def _convert(value: Any, kind: Any, *, strict: bool) -> Any:
    return msgspec.convert(value, kind, strict=strict, dec_hook=_path)


def _path(kind: type[Any], value: Any) -> Any:
    """What TOML and the environment have no notation for."""
    if kind is Path and isinstance(value, str | Path) and str(value):
        return Path(os.path.expanduser(value))
    name = getattr(kind, "__name__", str(kind))
    raise msgspec.ValidationError(f"Expected `{name}`, got `{type(value).__name__}`")


def _default(f: Any) -> Any:
    """The default of a field of either sort; both write the same and mean None by it."""
    if f.default_factory not in (dataclasses.MISSING, msgspec.NODEFAULT):
        return f.default_factory()
    return None if f.default in (dataclasses.MISSING, msgspec.NODEFAULT) else f.default


def _extra(kind: Any) -> dict[str, Any]:
    metas = [meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    return {key: value for meta in metas for key, value in (meta.extra or {}).items()}


def _jupyter(metadata: dict[str, Any]) -> tuple[str, ...]:
    names = metadata.get("jupyter", ())
    return (names,) if isinstance(names, str) else tuple(names)

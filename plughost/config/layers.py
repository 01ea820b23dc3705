"""Layers of settings, and the one function that merges them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

Key = tuple[str, ...]
"""`("port",)`, `("services", "package.Type")`, `("extensions", "kernels", "restart_limit")`;
each locked name is a key too, such as `("locked", "port")`, with a source of its own."""

GROUPS = ("extensions", "services", "locked")
"""Settings that are merged key by key, not as a whole."""

ENTRANCE = ("token", "token_file", "no_auth")
"""One question, who may enter, answered in three ways: a lock on one is a lock on all."""


RESERVED = {"enabled": True, "locked": False, "blocked": False, "strict": False}
"""Keys of `[extensions.<name>]` that are the host's, with their defaults."""


# Structs, here and beside: a dataclass takes a millisecond of every start to make.
class Entry(msgspec.Struct, frozen=True):
    """What one layer says of one key, and whether that is what counts.

    `source` names file and line, variable, or flag; a `note` says what is special about it.
    `text` is what was given where there are no types: in environment variables and flags.
    """

    value: Any
    source: str
    counts: bool = False
    note: str = ""
    text: str | None = None


class Layer(msgspec.Struct, frozen=True):
    """What one place says; its relative paths begin at `folder`, or where we were started."""

    entries: Mapping[Key, Entry]
    administrator: bool = False
    folder: Path | None = None


Said = dict[Key, list[Entry]]
"""What all layers say of each key, the highest first; at most one entry of a key counts."""


def merge(layers: Sequence[Layer]) -> tuple[Said, list[str]]:
    """What counts of the layers, lowest first, and warnings about what is ignored.

    The highest layer that says something of a key wins, with two exceptions in favour of
    the administrator: what one of these layers locks, only they can set, and what one of
    them locks or blocks stays so whoever says otherwise.
    """
    locks = _locks(layers)
    said: Said = {}
    warnings: list[str] = []
    for key in dict.fromkeys(key for layer in layers for key in layer.entries):
        speakers = [layer for layer in reversed(layers) if key in layer.entries]
        entries = [layer.entries[key] for layer in speakers]
        forced = _forced(key, speakers)
        why = f"{forced[0]} in {forced[1].source}" if forced else _reserved(key, locks)
        winner = len(entries)
        for at, (layer, entry) in enumerate(zip(speakers, entries, strict=True)):
            if entry is forced[1] if forced else layer.administrator or not why:
                winner = at
                break
        for entry in entries[:winner]:
            if not entry.note and not (forced and entry.value is True):
                warnings.append(f"{entry.source} sets {'.'.join(key)!r} in vain: {why}.")
        said[key] = [
            replace(entry, note=f"Has no effect: {why}.")
            if at < winner
            else replace(entry, counts=at == winner)
            for at, entry in enumerate(entries)
        ]
    return said, warnings


def _locks(layers: Sequence[Layer]) -> dict[Key, str]:
    """What the administrator has locked, settings and whole tables, and where."""
    locks: dict[Key, str] = {}
    for layer in layers:
        for key, entry in layer.entries.items() if layer.administrator else ():
            if _is_lock(key) and entry.value:
                locked = key[1:] if key[0] == "locked" else key[:2]
                together = [(name,) for name in ENTRANCE] if locked[0] in ENTRANCE else [locked]
                locks |= dict.fromkeys(together, entry.source)
    return locks


def _is_lock(key: Key) -> bool:
    return key[0] == "locked" or (key[0] == "extensions" and key[2:] == ("locked",))


def _reserved(key: Key, locks: Mapping[Key, str]) -> str:
    """Why only the administrator may set this key; empty when everybody may."""
    if _is_lock(key):
        return "only the administrator's folders can lock"
    source = locks.get(key[:1]) or locks.get(key[:2])
    return f"locked in {source}" if source else ""


def _forced(key: Key, speakers: Sequence[Layer]) -> tuple[str, Entry] | None:
    """The administrator's highest word on what nobody can undo: a lock or a block."""
    if _is_lock(key):
        what = "locked"
    elif key[0] == "extensions" and key[2:] == ("blocked",):
        what = "blocked"
    else:
        return None
    entries = [layer.entries[key] for layer in speakers if layer.administrator]
    return next(((what, entry) for entry in entries if entry.value is True), None)


def flat(table: Mapping[str, Any]) -> Iterator[tuple[Key, Any, Key]]:
    """Each key with its value and its path in the file.

    The two differ for `[services]`, where the dots of a name need no quotes, and for
    `locked`, whose every name is a key.
    """
    for name, value in table.items():
        if name == "extensions" and isinstance(value, dict):
            for extension, keys in value.items():
                if isinstance(keys, dict):
                    for key, each in keys.items():
                        yield (name, extension, key), each, (name, extension, key)
                else:
                    yield (name, extension), keys, (name, extension)
        elif name == "services" and isinstance(value, dict):
            for path, each in _leaves(value, (name,)):
                yield (name, ".".join(path[1:])), each, path
        elif name == "locked" and isinstance(value, list) and _are_texts(value):
            for each in value:
                yield (name, each), True, (name,)
        else:
            yield (name,), value, (name,)


def nested(said: Said) -> dict[str, Any]:
    """What counts, in tables again: the opposite of `flat`."""
    values: dict[str, Any] = {}
    counting = {key: each.value for key, entries in said.items() for each in entries if each.counts}
    for key, value in counting.items():
        if key[0] == "locked":
            values.setdefault("locked", []).append(key[1])
            continue
        table = values
        for part in key[:-1]:
            table = table.setdefault(part, {})
        table[key[-1]] = value
    return values


def _leaves(table: Mapping[str, Any], path: Key) -> Iterator[tuple[Key, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)

"""Configuration sections: small JSON objects, merged over Jupyter's configuration folders."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from plughost_settings.files import keep_aside, read_objects, stamp, write_whole


class Sections:
    """All sections of one kind, such as `serverconfig`.

    `folders` has the strongest first; `own` is the person's, which is written to and not
    always the strongest: in a virtual environment the environment's is. A section `name`
    is made of `<name>.d/*.json`, in order of their names, and `<name>.json`, in each folder.
    """

    def __init__(self, folders: Sequence[Path], own: Path) -> None:
        self._folders = folders
        self._person = own
        self._writing = threading.RLock()  # two changes at a time would lose one of them

    def files(self, name: str) -> list[Path]:
        """Where a section may be written down, each file weaker than those after it."""
        found: list[Path] = []
        for folder in reversed(self._folders):
            found += sorted((folder / f"{name}.d").glob("*.json"))
            found.append(folder / f"{name}.json")
        return found

    def read(self, name: str) -> dict[str, Any]:
        """A section's values, all folders merged; an empty object for an unknown one."""
        merged: dict[str, Any] = {}
        for values in read_objects(*self.files(name)):
            merged = merge(merged, values)
        return merged

    def replace(self, name: str, values: Mapping[str, Any]) -> None:
        """Make `values` the person's own section. Raises NotWritable."""
        path = self._own(name)
        with self._writing:
            if path.exists() and not read_objects(path):
                keep_aside(path)
            write_whole(path, json.dumps(values, indent=2) + "\n")

    def update(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Merge `changes` into the person's own section; returns what `read` then returns."""
        with self._writing:
            for own in read_objects(self._own(name)) or [{}]:
                self.replace(name, merge(own, changes))
        return self.read(name)

    def _own(self, name: str) -> Path:
        return self._person / f"{name}.json"


class Merged:
    """The objects in several files, merged; read again only when one of them has changed.

    `files` says which they are, each weaker than those after it; each object goes through
    `prepare` first.
    """

    def __init__(
        self,
        files: Callable[[], Iterable[Path]],
        prepare: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> None:
        self._files = files
        self._prepare = prepare
        self._known: tuple[Any, dict[str, Any]] = (None, {})

    def read(self) -> dict[str, Any]:
        """All values; not to be modified."""
        state = [(file, stamp(file)) for file in self._files()]
        if self._known[0] != state:
            merged: dict[str, Any] = {}
            for values in read_objects(*(file for file, _ in state)):
                merged = merge(merged, self._prepare(values))
            self._known = (state, merged)
        return self._known[1]


def merge(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `changes` put over them, objects key by key; a null removes its key.

    The same as JSON Merge Patch (RFC 7396).
    """
    merged = copy.deepcopy(dict(values))
    for key, change in changes.items():
        if change is None:
            merged.pop(key, None)
        elif isinstance(change, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, dict) else {}, change)
        else:
            merged[key] = copy.deepcopy(change)
    return merged

"""Jupyter's own configuration files, as layers below all of ours.

Names are what Jupyter calls them, such as `ServerApp.port`. The core knows those that
mean one of its settings; extensions claim theirs when they ask for their settings
(`Config.extension`). What nobody knows is named in a warning, once for each file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import field
from msgspec.structs import replace

from plughost.config.layers import Entry, Key, Layer

BASENAMES = (
    "jupyter_config",
    "jupyter_notebook_config",
    "jupyter_server_config",
    "jupyter_lab_config",
)
"""Of the files, the lowest first: each in all folders before the next one in any."""

MEANINGS: Mapping[str, tuple[str, ...]] = {
    "ip": ("ServerApp.ip", "NotebookApp.ip"),
    "port": ("ServerApp.port", "NotebookApp.port"),
    "base_url": ("ServerApp.base_url", "NotebookApp.base_url"),
    "root": ("ServerApp.root_dir", "ServerApp.notebook_dir", "NotebookApp.notebook_dir"),
    "token": ("IdentityProvider.token", "ServerApp.token", "NotebookApp.token"),
    "hashed_password": (
        "IdentityProvider.hashed_password",
        "PasswordIdentityProvider.hashed_password",
        "ServerApp.password",
        "NotebookApp.password",
    ),
    "allow_origin": ("ServerApp.allow_origin", "NotebookApp.allow_origin"),
    "allow_host": ("ServerApp.local_hostnames", "NotebookApp.local_hostnames"),
    "certfile": ("ServerApp.certfile", "NotebookApp.certfile"),
    "keyfile": ("ServerApp.keyfile", "NotebookApp.keyfile"),
    "unix_socket": ("ServerApp.sock", "NotebookApp.sock"),
}
"""Our settings by Jupyter's names; the first one that a file sets is what it says."""

TRUST = ("ServerApp.trust_xheaders", "NotebookApp.trust_xheaders")

ELSEWHERE = (".jpserver_extensions", ".nbserver_extensions", ".server_extensions")
"""Which extensions of Jupyter's server to load is no setting of ours."""


class JupyterFile(msgspec.Struct, frozen=True):
    path: Path
    values: Mapping[str, Any]
    administrator: bool = False

    def find(self, names: Sequence[str]) -> Entry | None:
        """What the file says under the first of the names that it sets."""
        for name in names:
            if name in self.values:
                return Entry(self.values[name], f"{self.path} ({name})")
        return None

    def layer(self) -> Layer:
        """What the file says of our settings."""
        found = {key: self.find(names) for key, names in MEANINGS.items()}
        return Layer(
            {
                (key,): replace(entry, value=_translated(key, entry.value))
                for key, entry in found.items()
                if entry is not None and _is_set(key, entry.value)
            },
            self.administrator,
        )

    def claimed(self, claims: Mapping[Key, Sequence[str]]) -> Layer:
        """What the file says of an extension's settings, by their keys and Jupyter's names."""
        found = ((key, self.find(names)) for key, names in claims.items())
        return Layer({key: entry for key, entry in found if entry}, self.administrator)


class JupyterFiles(msgspec.Struct):
    """All of them, the lowest first, and which of their names an extension has claimed."""

    files: Sequence[JupyterFile] = ()
    warnings: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def layers(self) -> list[Layer]:
        return [file.layer() for file in self.files]

    def claim(self, claims: Mapping[Key, Sequence[str]]) -> list[Layer]:
        """What is said of the settings of an extension; from now on their names are known."""
        self.names.update(*claims.values())
        return [file.claimed(claims) for file in self.files]

    def trusting(self) -> Entry | None:
        """The highest word on `trust_xheaders`, when it is yes."""
        said = [entry for file in reversed(self.files) if (entry := file.find(TRUST))]
        return said[0] if said and said[0].value is True else None

    def unclaimed(self) -> list[str]:
        """A warning for each file about the names that nobody has claimed by now."""
        known = {*TRUST}.union(self.names, *MEANINGS.values())
        rest = (
            (
                file.path,
                sorted(name for name in file.values.keys() - known if not name.endswith(ELSEWHERE)),
            )
            for file in self.files
        )
        return [
            f"{path}: these settings have no meaning here: {', '.join(names)}."
            for path, names in rest
            if names
        ]


def read_jupyter_files(folders: Sequence[Path], administrators: Sequence[Path]) -> JupyterFiles:
    """Jupyter's files in the folders, lowest first. One that cannot be read is a warning."""
    found = JupyterFiles()
    files: list[JupyterFile] = []
    listed = {folder: _names_in(folder) for folder in folders}
    for basename in BASENAMES:
        for folder, names in listed.items():
            for path in _paths(folder, names, basename):
                try:
                    values = _read_py(path) if path.suffix == ".py" else _read_json(path)
                # The file is somebody's program: whatever it raises, we go on without it.
                except (Exception, SystemExit) as error:
                    found.warnings.append(f"{path} is ignored: {type(error).__name__}: {error}")
                else:
                    files.append(JupyterFile(path, values, folder in administrators))
    found.files = files
    return found


def _paths(folder: Path, names: set[str], basename: str) -> Iterator[Path]:
    """The files of one name in a folder, in Jupyter's order: each is above those before it."""
    if f"{basename}.d" in names:
        yield from sorted((folder / f"{basename}.d").glob("*.json"))
    for name in (f"{basename}.py", f"{basename}.json"):
        if name in names:
            yield folder / name


def _names_in(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def _read_json(path: Path) -> dict[str, Any]:
    return dict(_flat(json.loads(path.read_text(encoding="utf-8"))))


def _read_py(path: Path) -> dict[str, Any]:
    # Only here: traitlets costs more to import than all of our own settings to read.
    from traitlets.config.loader import LazyConfigValue, PyFileConfigLoader

    values = dict(_flat(PyFileConfigLoader(path.name, str(path.parent)).load_config()))
    for name, value in list(values.items()):
        if isinstance(value, LazyConfigValue):
            changes = value.to_dict()
            if changes:  # c.Some.list.append(…), c.Some.table.update(…)
                values[name] = value.get_value(type(changes.get("update", []))())
            else:  # it was looked at, not set
                del values[name]
    return values


def _flat(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section, table in config.items():
        if isinstance(table, dict):
            for name, value in table.items():
                if value is not None:
                    yield f"{section}.{name}", value


def _is_set(key: str, value: object) -> bool:
    """Whether it says something: for Jupyter, an empty text is most settings' default."""
    return value != "<generated>" if key == "token" else value != "" or key == "ip"


def _translated(key: str, value: Any) -> Any:
    if key == "ip":
        return "0.0.0.0" if value in ("", "*") else value
    if key == "allow_origin":
        return [value] if isinstance(value, str) else value
    return value

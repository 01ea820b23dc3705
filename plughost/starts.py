"""What earlier starts say of the extensions: who ended the process, who fails every time.

Kept in Jupyter's data folder, in `plughost/starts/`: `importing-<machine>-<pid>-<n>` names what
a host in a process is importing or starting right now, so that what a dead one left behind
names the culprit (a segmentation fault leaves no other trace); `failures.json` counts failed
starts in a row.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import platform
import re
from pathlib import Path

import msgspec
from jupyter_core.paths import jupyter_data_dir

from plughost.errors import ExtensionError

LIMIT = 3
"""After so many failed starts in a row an extension is left alone until a person says otherwise."""

log = logging.getLogger("plughost.starts")

_PREFIX = f"importing-{re.sub(r'[^A-Za-z0-9.]', '_', platform.node())}-"
"""Home folders can be shared by machines, whose process numbers mean nothing to each other."""
_numbers = itertools.count()  # several hosts may live in one process
_own: set[str] = set()


class Starts:
    """Notes of earlier starts.

    With `write=False` nothing is written at all. With `count=False` this is no start that
    counts, but somebody who has a look: what a dead process left behind stays for the next.
    """

    def __init__(self, *, write: bool = True, count: bool = True) -> None:
        self._folder = Path(jupyter_data_dir(), "plughost", "starts")
        self._write = write
        self._count = count
        self._marker = self._folder / f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
        _own.add(self._marker.name)
        self._importing: list[str] = []
        self._failures = self._read()
        self.suspects: set[str] = set()
        self._crashed = self._find_crashed()

    def objection(self, name: str) -> ExtensionError | None:
        """Why an extension should not be imported this time, if so."""
        count = self._failures.get(name, 0)
        again = f"`plughost extensions enable {name}` gives it another chance."
        if count >= LIMIT:
            return ExtensionError(f"It failed in the last {count} starts.", hint=again)
        if name in self._crashed:
            return ExtensionError(
                "The process ended while this was being imported or started, at the last start.",
                hint="It is left out this once, and tried again at the next start. If it "
                "ends the process again, report it to its authors or uninstall it.",
            )
        return None

    def importing(self, name: str) -> None:
        """Write down who is to blame if this process ends now."""
        self._importing.append(name)
        self._mark()

    def imported(self, name: str) -> None:
        """It is over, and the process is still there."""
        if name in self._importing:
            self._importing.remove(name)
            self._mark()

    def close(self) -> None:
        """The process goes on, or ends of its own will: nobody is to blame any more."""
        self._importing.clear()
        self._mark()

    def note(self, name: str, *, failed: bool) -> None:
        """Count a failed start, or forget all of them after one that went well."""
        if not self._count:
            return
        before = self._failures.get(name, 0)
        after = before + 1 if failed else 0
        if after != before:
            self._failures[name] = after
            self._save()

    def forget(self, name: str) -> bool:
        """Give an extension another chance; whether there was anything to forgive."""
        held = self._failures.pop(name, 0)
        self._save()
        return held > 0

    def _find_crashed(self) -> set[str]:
        """Who ended a process that is gone, each counted as a failed start.

        Where a marker names several at once, one of them did it: all are suspects, to be
        taken in one by one this time.
        """
        crashed: set[str] = set()
        for marker in self._folder.glob(f"{_PREFIX}*"):
            pid = marker.name.removeprefix(_PREFIX).partition("-")[0]
            if marker.name not in _own and not _is_alive(pid):
                with contextlib.suppress(OSError):
                    names = marker.read_text(encoding="utf-8").split()
                    (crashed if len(names) == 1 else self.suspects).update(names)
                    if self._write and self._count:
                        marker.unlink()
        if self._count:
            for name in crashed:
                self._failures[name] = self._failures.get(name, 0) + 1
            if crashed:
                self._save()
        return crashed

    def _mark(self) -> None:
        if not self._write:
            return
        try:
            if self._importing:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._marker.write_text("\n".join(self._importing), encoding="utf-8")
            else:
                self._marker.unlink(missing_ok=True)
        except OSError as error:
            log.warning("Cannot note what is being imported: %s", error)

    def _read(self) -> dict[str, int]:
        try:
            text = (self._folder / "failures.json").read_bytes()
            return msgspec.json.decode(text, type=dict[str, int])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            log.warning("Ignoring the count of failed starts: %s", error)
            return {}

    def _save(self) -> None:
        if not self._write:
            return
        counts = {name: count for name, count in self._failures.items() if count}
        temporary = self._folder / f"failures-{os.getpid()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.json.encode(counts))
            temporary.replace(self._folder / "failures.json")
        except OSError as error:
            log.warning("Cannot count failed starts: %s", error)


def _is_alive(pid: str) -> bool:
    if pid == str(os.getpid()):
        return False  # left by a process that had our number before us
    if os.name == "nt":
        return True  # there is no asking: os.kill would send Ctrl-C
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True

"""Where the password is written: Jupyter's own file, so that its servers know it as well."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_config_dir

from plughost import Conflict

SPELLINGS = (
    ("IdentityProvider", "hashed_password"),
    ("PasswordIdentityProvider", "hashed_password"),
    ("ServerApp", "password"),
    ("NotebookApp", "password"),
)
"""What the password is called in the file. We write the first, as jupyter_server does."""


class PasswordFileUnusable(Conflict):
    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(
            f"The file {str(path)!r} cannot be changed: {reason}.",
            hint="Correct it, or move it away, and set the password again.",
        )


class PasswordFile:
    """`jupyter_server_config.json` in the user's configuration folder."""

    def __init__(self) -> None:
        self.path = Path(jupyter_config_dir(), "jupyter_server_config.json")

    def set(self, hashed: str) -> None:
        """Write the hash; whatever else the file says stays. Raises PasswordFileUnusable."""
        config = self._read()
        # Another spelling would count above ours for Jupyter, and keep the old password alive.
        _remove(config)
        section, name = SPELLINGS[0]
        config.setdefault(section, {})[name] = hashed
        self._write(config)

    def remove(self) -> bool:
        """Take the hash out of the file; returns whether there was one."""
        config = self._read()
        found = _remove(config)
        if found:
            self._write(config)
        return found

    def _read(self) -> dict[str, Any]:
        try:
            config = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise PasswordFileUnusable(self.path, error.strerror or str(error)) from None
        except ValueError as error:
            raise PasswordFileUnusable(self.path, f"it is no JSON ({error})") from None
        if not isinstance(config, dict) or not all(
            isinstance(config.get(section, {}), dict) for section, _ in SPELLINGS
        ):
            raise PasswordFileUnusable(self.path, "its sections are no JSON objects")
        return config

    def _write(self, config: dict[str, Any]) -> None:
        """Whole or not at all, and readable by nobody else."""
        path = Path(os.path.realpath(self.path))  # a link into a folder of dotfiles stays one
        temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(config, file, indent=2)
                    file.write("\n")
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                raise
        except OSError as error:
            raise PasswordFileUnusable(self.path, error.strerror or str(error)) from None


def _remove(config: dict[str, Any]) -> bool:
    """Take every spelling out, and sections that are empty then; whether there was one."""
    found = False
    for section, name in SPELLINGS:
        values = config.get(section, {})
        if name in values:
            found = True
            del values[name]
            if not values:
                del config[section]
    return found

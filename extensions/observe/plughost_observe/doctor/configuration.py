"""What the configuration says that a person may not have meant, and who can read its secrets."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir

from plughost_observe.doctor.facts import Settings
from plughost_observe.doctor.findings import Finding, error, note, warning

REDACTED = "…"
"""What `Config.to_json()` shows of a secret."""


def judge(settings: Settings) -> Iterator[Finding]:
    """Findings on settings, and on files that hold secrets."""
    for text in settings.warnings:
        yield warning("configuration", "plughost.toml", *_sentences(text))
    for text in settings.unclaimed:
        yield note("setting-unclaimed", "plughost.toml", *_sentences(text))
    for name, switch in sorted(settings.switches.items()):
        if switch.blocked:
            yield note(
                "extension-blocked",
                name,
                f"{name!r} is blocked. {switch.reason}",
                "Whoever may write that file can lift it.",
            )
        elif switch.locked:
            yield note(
                "extension-locked",
                name,
                f"What is set of {name!r} is locked. {switch.reason}",
                "Only the administrator's files can change it.",
            )
    if settings.no_auth:
        yield warning(
            "no-auth",
            "no_auth",
            f"Anybody who reaches the server may enter (no_auth, {_source(settings, 'no_auth')}).",
            "Remove that setting: a token of its own costs nothing. Every user of this machine "
            "can reach a loopback address.",
        )
    yield from _readable(settings)


def _sentences(text: str) -> tuple[str, str]:
    """A warning of the core as message and hint: its last sentence mostly says what to do."""
    parts = re.split(r"(?<=[.?!]) (?=[A-Z`])", text)
    if len(parts) > 1:
        return " ".join(parts[:-1]), parts[-1]
    return text, "Correct it, or remove it. `plughost config explain KEY` shows what counts."


def _source(settings: Settings, key: str) -> str:
    return next((str(each["source"]) for each in settings.told if each["key"] == key), "default")


def _readable(settings: Settings) -> Iterator[Finding]:
    """Files with secrets whose mode lets others read them."""
    if os.name != "posix":
        return
    for path, what in _secret_files(settings):
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        # A folder above that lets nobody in protects it as well.
        if mode & (stat.S_IRGRP | stat.S_IROTH) and _reachable(path):
            yield error(
                "readable-secret",
                path.name,
                f"Others on this machine can read {str(path)!r}, which holds {what}.",
                f"`chmod 600 {path}`, and choose a new secret if others work on this machine.",
            )


def _secret_files(settings: Settings) -> Iterable[tuple[Path, str]]:
    found: dict[Path, str] = {}
    for told in settings.told:
        for layer in told["layers"]:
            path = _file_of(layer["source"])
            if path and _holds_secret(layer["value"]):
                found.setdefault(path, f"the setting {told['key']!r}")
    for name, text in settings.files.items():
        found.setdefault(Path(text), f"the secret of {name!r}")
    runtime = Path(jupyter_runtime_dir())
    found.setdefault(runtime / "plughost_cookie_secret", "the key that login cookies are signed by")
    for pattern in ("jpserver-*.json", "plughost/kernels/*.json", "kernel-*.json"):
        for path in runtime.glob(pattern):
            found.setdefault(path, "a token or key")
    return found.items()


def _file_of(source: str) -> Path | None:
    """The file in a source such as `/etc/jupyter/plughost.toml:7`."""
    path = Path(re.sub(r":\d+$", "", source))
    return path if path.is_absolute() else None


def _holds_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_secret, value.values()))
    if isinstance(value, list):
        return any(map(_holds_secret, value))
    return bool(value == REDACTED)


def _reachable(path: Path) -> bool:
    """Whether others can go into all folders above."""
    others = stat.S_IXGRP | stat.S_IXOTH
    try:
        return all(above.stat().st_mode & others for above in path.parents)
    except OSError:
        return False

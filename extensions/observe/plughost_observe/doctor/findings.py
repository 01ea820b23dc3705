"""What a look at an installation brings to light, each finding with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

import msgspec


class Level(str, Enum):
    """`error`: something does not work; `warning`: it soon may not; `note`: good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(msgspec.Struct, frozen=True):
    """One thing that a person may want to change.

    `check` says for programs what was found, in words joined by hyphens; `subject` is what it
    is about: an extension, a kernel, a file. `message` is a sentence, `hint` what to do next.
    """

    level: Level
    check: str
    subject: str
    message: str
    hint: str

    def to_json(self) -> dict[str, Any]:
        return {**msgspec.structs.asdict(self), "level": self.level.value}


def error(check: str, subject: str, message: str, hint: str) -> Finding:
    return Finding(Level.ERROR, check, subject, message, hint)


def warning(check: str, subject: str, message: str, hint: str) -> Finding:
    return Finding(Level.WARNING, check, subject, message, hint)


def note(check: str, subject: str, message: str, hint: str) -> Finding:
    return Finding(Level.NOTE, check, subject, message, hint)


def by_weight(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first; otherwise as they came, each once."""
    return sorted(dict.fromkeys(findings), key=lambda each: [*Level].index(each.level))


def counted(findings: Iterable[Finding]) -> str:
    """How many there are of each level, in words."""
    levels = [finding.level for finding in findings]
    counts = {level: levels.count(level) for level in Level if level in levels}
    return ", ".join(f"{n} {level.value}{'s' * (n != 1)}" for level, n in counts.items())

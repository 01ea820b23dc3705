"""Dictionaries that remember so many things and no more: the oldest makes room."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T")


def remember(memory: dict[str, _T], key: str, value: _T, most: int) -> None:
    """Make `key` the newest of at most `most` things that are remembered."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > most:
        del memory[next(iter(memory))]

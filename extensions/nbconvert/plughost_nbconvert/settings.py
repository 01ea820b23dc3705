"""What a person can set: `[extensions.nbconvert]` in `plughost.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec


@dataclass(frozen=True)
class Settings:
    """The settings of nbconvert, with their defaults; times in seconds."""

    timeout_seconds: Annotated[float, msgspec.Meta(gt=0)] = 120.0
    """A conversion that takes longer is broken off."""
    idle_seconds: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    """A converter that has had nothing to do for so long ends; it holds about 60 MB."""
    at_once: Annotated[int, msgspec.Meta(ge=1)] = 2
    """So many notebooks are converted at the same time; others wait for their turn."""

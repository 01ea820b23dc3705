"""What people can set in `[extensions.weather]`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    file: str = "forecasts.json"
    """Where the forecasts are, below the root folder."""
    seconds: float = 60.0
    """How often they are read again."""

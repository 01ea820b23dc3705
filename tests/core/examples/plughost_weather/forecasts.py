"""The forecasts: one sentence for each place, read from a file now and then."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from plughost import NotFound


class PlaceNotFound(NotFound):
    def __init__(self, place: str, known: list[str]) -> None:
        super().__init__(
            f"There is no forecast for {place!r}.",
            hint=f"Places: {', '.join(known) or 'none'}.",
        )


class Forecasts:
    """What the weather will be, read from `file` again every `seconds` seconds."""

    def __init__(self, file: Path, seconds: float) -> None:
        self._file = file
        self._seconds = seconds
        self._by_place: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._by_place)

    def of(self, place: str) -> str:
        if place not in self._by_place:
            raise PlaceNotFound(place, sorted(self._by_place))
        return self._by_place[place]

    async def start(self) -> None:
        await self._read()
        self._reading = asyncio.create_task(self._read_again())

    async def stop(self) -> None:
        self._reading.cancel()

    async def _read_again(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            await self._read()

    async def _read(self) -> None:
        # In a thread: the file may be slow to read, and the event loop is everybody's.
        self._by_place = json.loads(await asyncio.to_thread(self._file.read_bytes))

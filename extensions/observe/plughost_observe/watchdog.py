"""The watchdog of the event loop: whoever holds it is named, with file and line.

A thread looks at the stack of the loop's thread: often while a callback runs, five times a
second when nothing has happened for a while. One and the same callback seen again and again
has held the loop for at least the time between. A loop that waits is not woken: nothing runs
on it for this but the measurement of its lag, at most once a second and only while it is busy.

It sees asyncio's own loops; one written in C has no frames to look at. Code that holds the
interpreter lock is seen when it lets go.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from asyncio import base_events
from collections.abc import Callable, Iterable
from types import FrameType

import msgspec

from plughost import ExtensionRecord
from plughost_observe.culprits import CORE, Place, issue_address, place_of
from plughost_observe.lines import iso

BUSY_SECONDS = 0.01
WAITING_SECONDS = 0.04
RESTING_SECONDS = 0.2
"""How often the stack is looked at: while a callback runs, while the loop waits, and when
nothing has happened for some time. Whoever holds a resting loop is seen when it takes 0.3 s."""
SLOWER = 1.2
"""By this the time between two looks grows as long as nothing happens."""
END_SECONDS = 1.0
LAG_SECONDS = 1.0
PLACES = 200
"""Places that are told apart; what holds the loop elsewhere is only counted."""
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# The stubs leave private methods out.
_RUN_ONCE = base_events.BaseEventLoop._run_once.__code__  # type: ignore[attr-defined]

log = logging.getLogger("plughost.observe")


class Hold(msgspec.Struct):
    """How often and how long one place held the loop; times in milliseconds.

    `report_to` is where its authors want to hear of it. `last` is ISO 8601 in UTC.
    """

    place: Place
    report_to: str
    count: int = 0
    milliseconds: float = 0.0
    worst: float = 0.0
    last: str = ""


class Total(msgspec.Struct):
    """What all places of one extension come to; times in milliseconds."""

    count: int = 0
    milliseconds: float = 0.0
    worst: float = 0.0
    places: int = 0


class Lag:
    """How late the loop comes to what is due, as a histogram; seconds."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(LAG_BUCKETS) + 1)
        self.total = 0.0
        self.count = 0
        self.last = 0.0

    def add(self, seconds: float) -> None:
        self.last = seconds
        self.total += seconds
        self.count += 1
        self.buckets[next((i for i, b in enumerate(LAG_BUCKETS) if seconds <= b), -1)] += 1


class Watchdog:
    """Watches the event loop it is started on; `limit` in milliseconds."""

    def __init__(self, records: Callable[[], dict[str, ExtensionRecord]], limit: float) -> None:
        self.limit = limit
        self.lag = Lag()
        self._records = records
        self._holds: dict[tuple[str, int], Hold] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = 0
        self._lag_due = 0.0
        self._lag_asked = False
        self._stirred = False

    @property
    def holds(self) -> list[Hold]:
        """Every place that has held the loop, the worst first."""
        return sorted(self._holds.copy().values(), key=lambda hold: -hold.milliseconds)

    def totals(self) -> dict[str, Total]:
        """The same by extension; the host's own under `plughost`, others' by distribution."""
        totals: dict[str, Total] = {}
        for hold in self.holds:
            total = totals.setdefault(_owner(hold.place), Total())
            total.count += hold.count
            total.milliseconds += hold.milliseconds
            total.worst = max(total.worst, hold.worst)
            total.places += 1
        return totals

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="loop watchdog", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, END_SECONDS)

    @property
    def ended(self) -> bool:
        """Whether nobody watches: it has not been started, or has been stopped."""
        return self._thread is None or not self._thread.is_alive()

    def stir(self) -> None:
        """Something has happened: look more often again."""
        self._stirred = True

    def _watch(self) -> None:
        """Look at the stack until the end: a callback that stays is a callback that holds."""
        since = 0.0
        running: FrameType | None = None
        hold: Hold | None = None
        pause = WAITING_SECONDS
        while not self._ended.wait(pause):
            now = time.monotonic()
            frames = _frames(sys._current_frames().get(self._watched))
            callback = frames[-1] if frames else None
            if callback is None or callback is not running:
                if hold is not None:
                    self._count(hold, (now - since) * 1000)
                running, since, hold = callback, now, None
                self._measure_lag(now, busy=callback is not None)
            elif hold is None and (now - since) * 1000 >= self.limit:
                hold = self._caught(frames)
            if callback is not None:
                pause = BUSY_SECONDS
            elif self._stirred or pause < WAITING_SECONDS:
                pause, self._stirred = WAITING_SECONDS, False
            else:
                pause = min(pause * SLOWER, RESTING_SECONDS)
            del frames, callback  # else what they refer to lives on until the next look

    def _caught(self, frames: list[FrameType]) -> Hold | None:
        place = place_of(frames, self._records().values())
        key = (place.file, place.line)
        hold = self._holds.get(key)
        if hold is None and len(self._holds) < PLACES:
            hold = self._holds[key] = Hold(place, issue_address(place.distribution))
            self._tell(hold)
        if hold is not None:
            hold.count += 1
            hold.last = iso(time.time())
        return hold

    def _count(self, hold: Hold, milliseconds: float) -> None:
        hold.milliseconds += milliseconds
        hold.worst = max(hold.worst, milliseconds)
        record = self._records().get(hold.place.extension)
        if record is not None and self._loop is not None and not self._loop.is_closed():
            # On the loop, where the host writes to records, too.
            self._loop.call_soon_threadsafe(_add, record, milliseconds)

    def _tell(self, hold: Hold) -> None:
        place = hold.place
        within = f" (in {place.within})" if place.within else ""
        news = (
            f"{place.distribution or place.extension} held the event loop for more than "
            f"{self.limit:g} ms, and everybody with it, at {place.file}:{place.line}, in "
            f"{place.function!r}{within}. Slow work belongs in a thread: "
            "`await asyncio.to_thread(…)`."
        )
        if hold.report_to:
            news += f" Its authors want to hear of it at {hold.report_to}"
        record = self._records().get(place.extension)
        if record is not None:
            record.say(news)
        else:
            log.warning("%s", news, extra={"extension": _owner(place)})

    def _measure_lag(self, now: float, *, busy: bool) -> None:
        if not busy or self._lag_asked or now < self._lag_due or self._loop is None:
            return
        self._lag_due = now + LAG_SECONDS
        self._lag_asked = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._came, now)

    def _came(self, asked: float) -> None:
        self.lag.add(time.monotonic() - asked)
        self._lag_asked = False


def _frames(frame: FrameType | None) -> list[FrameType]:
    """The stack of the callback that the loop runs, its own frame last; empty while it waits."""
    frames = []
    while frame is not None and frame.f_code is not _RUN_ONCE:
        frames.append(frame)
        frame = frame.f_back
    waits = frame is None or not frames or frames[-1].f_code.co_name == "select"
    return [] if waits else frames


def _owner(place: Place) -> str:
    return place.extension or place.distribution or CORE


def _add(record: ExtensionRecord, milliseconds: float) -> None:
    record.loop_blocks += 1
    record.loop_blocked += milliseconds


def places_of(holds: Iterable[Hold]) -> list[dict[str, object]]:
    """Holds as `GET /plughost/api/loop` shows them: flat."""
    return [
        {
            **msgspec.structs.asdict(hold.place),
            "count": hold.count,
            "milliseconds": round(hold.milliseconds, 1),
            "worst": round(hold.worst, 1),
            "last": hold.last,
            "report_to": hold.report_to,
        }
        for hold in holds
    ]

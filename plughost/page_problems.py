"""What pages tell of problems in them, kept with the records of whose code has them.

Imported when the first page has something to tell. It is kept until the page comes up without
it, or the server ends.
"""

from __future__ import annotations

import logging
import re
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from plughost.errors import BadRequest, HostError, NotFound, TooLarge
from plughost.records import ExtensionRecord, ended

if TYPE_CHECKING:
    from plughost.host import Host

MOST_BYTES = 1024 * 1024
"""Bytes of the largest report."""

MOST_PROBLEMS = 100
"""A page tells of no more at once, nor does it need to."""

MOST_A_MINUTE = 120
"""So many reports of all pages together are taken in a minute."""

MOST_LINES = 1000
"""So many problems are logged, each once; afterwards they are only in the records."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

log = logging.getLogger("plughost.pages")

Text = Annotated[str, msgspec.Meta(max_length=4000)]


class Told(msgspec.Struct, frozen=True):
    """One problem, as a page tells of it; `extension` is whose it is by the page's boot data."""

    kind: Literal["frontend", "plugin"]
    name: Text
    extension: Text
    state: Literal["loading", "waiting", "idle", "active", "failed", "disabled"]
    phase: Literal["import", "register", "activate", "deactivate"]
    error: Text = ""
    hint: Text = ""


class Report(msgspec.Struct, frozen=True):
    """All problems that a page has at the moment; `visit` tells its visits apart."""

    visit: Annotated[str, msgspec.Meta(max_length=100)]
    problems: Annotated[list[Told], msgspec.Meta(max_length=MOST_PROBLEMS)]


class PageProblem(msgspec.Struct, frozen=True):
    """One problem in the record of an extension: what it is, where, since when, how often."""

    page: str
    kind: str
    name: str
    state: str
    phase: str
    error: str
    hint: str
    first: datetime
    last: datetime
    visits: int
    visit: str
    """The last one, which does not count again."""

    def to_json(self) -> dict[str, Any]:
        facts = msgspec.to_builtins(self)
        return {key: value for key, value in facts.items() if key != "visit"}


class TooManyReports(HostError):
    """Pages tell of more than anybody could read."""

    status = 429


class PageProblems:
    """Takes in what pages tell."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._minute = 0
        self._taken = 0
        self._logged: set[tuple[str, ...]] = set()

    def take(self, page: str, body: bytes) -> None:
        """Put a page's report in the place of what the page has told before.

        What it says of whom nobody knows is left out. Raises NotFound for a page that is not
        there, BadRequest for what is no report, TooLarge and TooManyReports for too much.
        """
        self._count()
        if all(known.name != page for known in self._host.pages):
            raise NotFound(
                f"There is no page {page!r}.",
                hint=f"Pages: {', '.join(each.name for each in self._host.pages) or 'none'}.",
            )
        if len(body) > MOST_BYTES:
            raise TooLarge(
                f"This report has {len(body)} bytes; {MOST_BYTES} are the most.",
                hint="Leave out what was told before.",
            )
        try:
            report = msgspec.json.decode(body, type=Report)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest(f"The report cannot be used: {error}") from None
        owners = {f.extension: f.owner for f in self._host.frontends}
        known = self._host.known
        told: dict[str, list[Told]] = {}
        for each in report.problems:
            owner = owners.get(each.extension) or known.get(each.extension)
            if owner is not None:
                told.setdefault(owner.name, []).append(each)
        for name, record in known.items():
            self._put(record, page, report.visit, told.get(name, []))

    def _count(self) -> None:
        """Raise TooManyReports when there have been too many in this minute."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._taken = minute, 0
        self._taken += 1
        if self._taken > MOST_A_MINUTE:
            raise TooManyReports(
                "Pages have told of too many problems in this minute.",
                hint="What is left out now is told with the next report.",
            )

    def _put(self, record: ExtensionRecord, page: str, visit: str, told: list[Told]) -> None:
        before = {(p.kind, p.name): p for p in record.page_problems if p.page == page}
        now = datetime.now(timezone.utc).replace(microsecond=0)
        problems = {}
        for each in told:
            earlier = before.get((each.kind, each.name))
            texts = {key: _printable(getattr(each, key)) for key in ("name", "error", "hint")}
            problems[each.kind, each.name] = problem = PageProblem(
                page=page,
                kind=each.kind,
                state=each.state,
                phase=each.phase,
                **texts,
                first=earlier.first if earlier else now,
                last=now,
                visits=(earlier.visits if earlier else 0)
                + (earlier is None or earlier.visit != visit),
                visit=visit,
            )
            self._log(record, problem)
        others = [p for p in record.page_problems if p.page != page]
        record.page_problems = [*others, *problems.values()]

    def _log(self, record: ExtensionRecord, problem: PageProblem) -> None:
        """Say it once: reports repeat what lasts."""
        key = (record.name, problem.page, problem.name, problem.error or problem.hint)
        if key not in self._logged and len(self._logged) < MOST_LINES:
            self._logged.add(key)
            whose = {"extension": record.name}
            log.warning("Extension %r: %s", record.name, sentence(problem.to_json()), extra=whose)


def sentence(told: dict[str, Any]) -> str:
    """One entry of a record's `pageProblems` in words, for people."""
    late = {"loading": "is late", "waiting": "waits"}.get(told["state"], "has an error")
    how = "failed" if told["state"] == "failed" else late
    often = f", in {told['visits']} visits" if told["visits"] > 1 else ""
    words = " ".join(filter(None, (ended(told["error"]), told["hint"])))
    return (
        f"In the page {told['page']!r} its {told['kind']} {told['name']!r} {how} "
        f"({told['phase']}{often}): {words}"
    )


def _printable(text: str) -> str:
    """The text without what a terminal would obey or UTF-8 cannot carry."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)

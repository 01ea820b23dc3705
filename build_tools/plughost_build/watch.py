"""Build again after each edit, until somebody presses Ctrl-C.

Each source has a bundler that stays (node/watch.mjs) and a thread that reads its events; another
thread waits for edits. All of them put what they have to say into one inbox, and the main thread
acts on it.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from plughost_build.build import Options, Report, is_fresh, need_node, prepare, wanted_fingerprint
from plughost_build.bundler import Bundler, Event, bundler
from plughost_build.edits import Files, Wait
from plughost_build.errors import BuildError, BundlerFailed
from plughost_build.fingerprint import covered
from plughost_build.node import Node
from plughost_build.source import Source

_SETTLED = 0.3
"""Seconds after which whoever changes package.json and lock file is taken to be done."""

_PATIENCE = 30.0
"""Seconds until a bundler that does not end is killed; what it finishes takes a moment, mostly."""


Find = Callable[[], Sequence[Source]]
"""Says what there is to build, each after its providers."""


def watch(find: Find, options: Options, report: Report) -> None:
    """Keep what `find` finds built; ends only by an exception, such as KeyboardInterrupt.

    What cannot be built is reported, and tried again after an edit.
    Raises a `BuildError` where there is nothing to build at all, or nothing to build it with.
    """
    watching = _Watching(find, options, report)
    try:
        watching.go_on()
    finally:
        watching.end()


@dataclass(eq=False)
class _Kept:
    """One source that is kept built, with its bundler while that runs.

    `number` is that of the last order, for the files `edited`; it is being followed while
    `building`. What has changed since lies in `waiting`.
    `stale` means that its bundler must start anew, `offers` is what it provides.
    """

    source: Source
    files: Files
    run: Bundler | None = None
    stack: ExitStack = field(default_factory=ExitStack)
    shared: dict[str, Any] = field(default_factory=dict)
    number: int = 0
    building: bool = False
    keep: bool = False
    edited: list[Path] = field(default_factory=list)
    waiting: set[Path] = field(default_factory=set)
    since: float = 0.0
    stale: bool = True
    mistyped: bool = False
    complained: bool = False
    offers: object = None

    def send(self, order: dict[str, Any]) -> None:
        assert self.run is not None
        assert self.run.process.stdin is not None
        # One that has ended says so by itself.
        with suppress(OSError):
            self.run.process.stdin.write(json.dumps(order) + "\n")
            self.run.process.stdin.flush()

    def dismiss(self) -> None:
        """Tell its bundler to end; it finishes what must not be left half done."""
        if self.run is not None and self.run.process.stdin is not None:
            with suppress(OSError):
                self.run.process.stdin.close()

    def stop(self) -> None:
        self.dismiss()
        if self.run is not None:
            with suppress(subprocess.TimeoutExpired):
                self.run.process.wait(_PATIENCE)
        self.stack.close()
        self.run = None
        self.building = False


class _Watching:
    def __init__(self, find: Find, options: Options, report: Report) -> None:
        self._find = find
        self._options = options
        self._report = report
        # What a bundler says, None at its end; or nothing but that it is time for a look.
        self._inbox: SimpleQueue[tuple[_Kept, Bundler, Event | None] | None] = SimpleQueue()
        self._kept: dict[Path, _Kept] = {}
        self._node: Node | None = None
        self._wait: Wait | None = None
        self._starting: _Kept | None = None
        self._find_at: float | None = None
        self._found = False
        self._announced = False

    def go_on(self) -> None:
        self._take(self._find())
        while True:
            self._act()
            try:
                # Not for ever: there are systems where nothing would interrupt that.
                message = self._inbox.get(timeout=0.2)
            except Empty:
                continue
            if message is None:
                self._look()
            elif message[1] is message[0].run:
                self._hear(message[0], message[2])

    def end(self) -> None:
        if self._wait is not None:
            self._wait.end()
        for kept in self._kept.values():
            kept.dismiss()
        for kept in self._kept.values():
            kept.stop()

    def _act(self) -> None:
        """Do what is due; one bundler starts after the other, each after its providers."""
        if self._find_at is not None and time.monotonic() >= self._find_at:
            self._find_at, self._found = None, False
            try:
                self._take(self._find())
            except BuildError as error:
                self._complain(error)
        for kept in self._kept.values():
            if kept.stale or (kept.waiting and kept.run is None):
                if self._starting is None and self._find_at is None and self._found:
                    self._start(kept)
            elif kept.waiting and not kept.building:
                self._order(kept)
        folders = {f: i for kept in self._kept.values() for f, i in kept.files.folders.items()}
        if self._wait is None or self._wait.folders != folders:
            before, self._wait = self._wait, Wait(folders, lambda: self._inbox.put(None))
            if before is not None:
                before.end()
        if not self._announced and self._starting is None:
            self._announced = True
            names = [kept.source.name for kept in self._kept.values()]
            self._report({"event": "watching", "names": names})

    def _take(self, sources: Sequence[Source]) -> None:
        """Keep these sources from now on, instead of those before."""
        self._found = True
        before, self._kept = self._kept, {}
        for source in sources:
            kept = before.pop(source.folder, None) or _Kept(source, Files(source))
            if kept.source != source:
                kept.source, kept.files, kept.stale = source, Files(source), True
            self._kept[source.folder] = kept
        for kept in before.values():
            kept.stop()
            if self._starting is kept:
                self._starting = None

    def _look(self) -> None:
        for kept in self._kept.values():
            changed = kept.files.look()
            if not changed:
                continue
            if not kept.waiting:
                kept.since = time.monotonic()
            kept.waiting |= changed
            if kept.files.are_setup(changed):
                kept.stale = True
                self._find_at = time.monotonic() + _SETTLED

    def _start(self, kept: _Kept) -> None:
        """Start its bundler, the one before having ended, and order the first build."""
        kept.stop()
        first, kept.stale, kept.complained = kept.number == 0, False, False
        kept.waiting.clear()
        kept.since = time.monotonic()
        if self._node is None:
            self._node = need_node(self._report)
        try:
            keep = first and is_fresh(kept.source, self._options)
            if not keep:
                about = {"name": kept.source.name, "folder": str(kept.source.folder)}
                self._report({"event": "frontend", **about})
            request = prepare(self._node, kept.source, self._options, self._report)
            for each in self._kept.values():
                if each.source.root == kept.source.root:
                    each.files.forgive_npm()
            kept.shared = request["shared"]
            kept.run = kept.stack.enter_context(bundler(self._node, {**request, "watch": True}))
        except BuildError as error:
            kept.number += 1
            self._complain(error, kept)
            self._broken(kept)
            return
        threading.Thread(target=self._read, args=(kept, kept.run), daemon=True).start()
        self._starting = kept
        self._order(kept, keep=keep)

    def _read(self, kept: _Kept, run: Bundler) -> None:
        # Its pipe may be closed while somebody still reads.
        with suppress(OSError, ValueError):
            for event in run.events():
                self._inbox.put((kept, run, event))
        self._inbox.put((kept, run, None))

    def _order(self, kept: _Kept, *, keep: bool = False) -> None:
        try:
            # Before the bundler reads anything: of an edit in between it must not be taken for.
            unchecked, checked = (
                wanted_fingerprint(kept.source, kept.shared, self._options, check=check)
                for check in (False, True)
            )
        except OSError:
            return  # A file has gone this very moment; there will be another look.
        kept.edited, kept.waiting = sorted(kept.waiting), set()
        kept.number += 1
        kept.building, kept.keep, kept.complained = True, keep, False
        kept.send(
            {
                "build": kept.number,
                "changed": list(map(str, kept.edited)),
                "covered": covered(kept.source),
                "unchecked": unchecked,
                "checked": checked if self._options.check else "",
                "keep": keep,
            }
        )

    def _hear(self, kept: _Kept, event: Event | None) -> None:
        name = kept.source.name
        match event:
            case None:
                self._lost(kept)
            case {"event": "read", "files": files}:
                kept.files.add(files)
            case {"event": "broken"}:
                self._broken(kept)
            case {"event": "rebuilt", "module": module, "written": written}:
                self._done(kept)
                if kept.keep:
                    about = {"name": name, "output": str(kept.source.output)}
                    self._report({"event": "fresh", **about})
                else:
                    self._report(
                        {
                            "event": "rebuilt",
                            "name": name,
                            "ms": round((time.monotonic() - kept.since) * 1000),
                            "module": module,
                            "changed": [_relative(path, kept.source) for path in kept.edited],
                            "written": written,
                        }
                    )
                self._pass_on(kept)
            case {"event": "checked", "errors": errors, "ms": ms}:
                mended = kept.mistyped and not errors
                kept.mistyped = bool(errors)
                found = {"ms": ms, "errors": errors, "mended": mended}
                self._report({"event": "checked", "name": name, **found})
                self._pass_on(kept)
            case _:
                kept.complained |= event.get("severity") == "error"
                self._report({**event, "frontend": name})

    def _pass_on(self, kept: _Kept) -> None:
        """Whoever takes modules of this source is built again when there are others now."""
        before, kept.offers = kept.offers, _offers(kept.source)
        if kept.offers != before:
            for other in self._kept.values():
                folders = {provider.folder for provider in other.source.providers}
                other.stale |= kept.source.folder in folders

    def _lost(self, kept: _Kept) -> None:
        """Its bundler has ended, which nobody has told it to."""
        assert kept.run is not None
        code, output = kept.run.end()
        if not kept.complained:
            said = output or f"It ended with code {code} and said nothing."
            self._complain(BundlerFailed(kept.source.name, said), kept)
        kept.stop()
        self._broken(kept)

    def _broken(self, kept: _Kept) -> None:
        self._done(kept)
        self._report({"event": "broken", "name": kept.source.name})

    def _done(self, kept: _Kept) -> None:
        kept.building = False
        if self._starting is kept:
            self._starting = None

    def _complain(self, error: BuildError, kept: _Kept | None = None) -> None:
        about = {"severity": "error", "text": error.args[0], "hint": error.hint}
        whose = {"frontend": kept.source.name} if kept else {}
        self._report({"event": "diagnostic", **about, **whose})


def _offers(source: Source) -> object:
    """What others are built with: the shared modules, and their types."""
    with suppress(OSError, ValueError, AttributeError):
        manifest = json.loads(source.manifest.read_text(encoding="utf-8"))
        provides = {name: entry["version"] for name, entry in manifest["provides"].items()}
        return provides, manifest.get("types")
    return None


def _relative(path: Path, source: Source) -> str:
    with suppress(ValueError):
        return path.relative_to(source.folder).as_posix()
    return str(path)

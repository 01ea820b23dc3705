"""The route table, and what makes a stranger's handler safe to run."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from tornado import web, websocket

from plughost.contributions import Route
from plughost.errors import DuplicateError
from plughost.guard import no_exit
from plughost.handlers import log_failure
from plughost.records import ExtensionRecord

Match = tuple[Route, type[web.RequestHandler], ExtensionRecord, dict[str, str]]

_STEPS = (
    *("initialize", "set_default_headers", "prepare", "data_received"),
    *("write_error", "on_finish", "on_connection_close"),
    *("open", "on_message", "on_close", "on_ping", "on_pong"),
)

_CONTAINED = "_plughost_contained"


class RouteTable:
    """All routes in one immutable table; a change makes a new table that takes its place.

    Raises DuplicateError for a pattern that is there twice, `re.error` for one that is not a
    regular expression.
    """

    def __init__(self, entries: Iterable[tuple[Route, ExtensionRecord]] = ()) -> None:
        self._entries = tuple(entries)
        self._compiled = [
            (re.compile(route.pattern).fullmatch, route, contained(route.handler), owner)
            for route, owner in self._entries
        ]
        taken: dict[str, str] = {}
        for route, owner in self._entries:
            if route.pattern in taken:
                raise DuplicateError("route", route.pattern, taken[route.pattern])
            taken[route.pattern] = owner.name

    def __iter__(self) -> Iterator[Route]:
        return (route for route, _ in self._entries)

    def match(self, path: str) -> Match | None:
        """The first route whose pattern is the whole `path`: it, its handler as it is to be
        run, its owner, and the groups."""
        for fullmatch, route, handler, owner in self._compiled:
            match = fullmatch(path)
            if match:
                return route, handler, owner, match.groupdict(default="")
        return None


def contained(handler: type[web.RequestHandler]) -> type[web.RequestHandler]:
    """The same handler, in which no step can end the process.

    Tornado replies to an `Exception` and lets `SystemExit` through to the event loop. A
    WebSocket is also known to the application as long as it is open.
    """
    known: type[web.RequestHandler] | None = vars(handler).get(_CONTAINED)
    if known is not None:
        return known
    steps = {*_STEPS, *(verb.lower() for verb in handler.SUPPORTED_METHODS)}
    changed = {
        name: _contained(method)
        for name in steps
        if callable(method := getattr(handler, name, None))
        and method is not getattr(web.RequestHandler, name, None)
    }
    if issubclass(handler, websocket.WebSocketHandler):
        changed["open"] = _announced(changed.get("open", handler.open))
    if handler.log_exception is web.RequestHandler.log_exception:
        changed["log_exception"] = log_failure
    names = {"__module__": handler.__module__, "__qualname__": handler.__qualname__}
    metaclass: Any = type(handler)
    try:
        result: type[web.RequestHandler] = metaclass(
            handler.__name__, (handler,), {**names, **changed, _CONTAINED: None}
        )
    except TypeError:
        # Its `__init_subclass__` or metaclass asks for more than we know: run it as it is.
        return handler
    # Kept with the class itself, so that it goes when its extension is replaced.
    setattr(handler, _CONTAINED, result)
    return result


def _contained(step: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(step)
    def run(*args: Any, **kwargs: Any) -> Any:
        with no_exit():
            result = step(*args, **kwargs)
        return result if result is None or not inspect.isawaitable(result) else _await(result)

    return run


async def _await(result: Awaitable[Any]) -> Any:
    with no_exit():
        return await result


def _announced(opened: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(opened)
    def run(handler: Any, *args: Any, **kwargs: Any) -> Any:
        handler.application.opened(handler)
        return opened(handler, *args, **kwargs)

    return run

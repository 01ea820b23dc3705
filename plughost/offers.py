"""What one extension offers, asked hook by hook under guard; the host serves the sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from plughost.contributions import Frontend, Page, PageConfig, Route, Service, Status
from plughost.errors import ExtensionError
from plughost.extensions import ExtensionRecord, Hooks, State, guard


@dataclass(frozen=True)
class Offers:
    """Everything one extension contributes."""

    services: list[Service] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    page_config: list[PageConfig] = field(default_factory=list)
    frontends: list[Frontend] = field(default_factory=list)
    status: list[Status] = field(default_factory=list)


KINDS: dict[str, type[Any]] = {
    "services": Service,
    "routes": Route,
    "pages": Page,
    "page_config": PageConfig,
    "frontends": Frontend,
    "status": Status,
}
"""The hooks in the order they are asked, `plughost_` left away, and what each returns."""


def collect(
    hooks: Hooks,
    record: ExtensionRecord,
    plugin: Any,
    host: Any,
    take_services: Callable[[list[Service]], None],
) -> Offers | None:
    """Register one extension and ask it everything; None when it failed, as its record says.

    Its services are handed over before the other hooks are asked, which may look them up.
    """
    with guard(record, "register"):
        hooks.register(record.name, plugin)
    answers: dict[str, list[Any]] = {}
    for kind, wanted in KINDS.items():
        if record.state == State.FAILED:
            return None
        hook = f"plughost_{kind}"
        with guard(record, hook):
            answers[kind] = hooks.ask(plugin, hook, host=host)
            for value in answers[kind]:
                if not isinstance(value, wanted):
                    raise ExtensionError(
                        f"{hook} returned a {type(value).__name__}, not a {wanted.__name__}.",
                        hint=f"Every value that {hook} returns is a plughost.{wanted.__name__}.",
                    )
            if kind == "services":
                take_services(answers[kind])
    return None if record.state == State.FAILED else Offers(**answers)

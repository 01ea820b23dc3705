"""The outsider's server half: one route, written with nothing but plughost's public API."""

from __future__ import annotations

import os
import platform

from plughost import JSONHandler, Route, hookimpl


class GreetingHandler(JSONHandler):
    """A greeting, and facts that only this very process knows."""

    async def get(self) -> None:
        self.reply(
            {
                "greeting": "Hello from outside",
                "python": platform.python_version(),
                "pid": os.getpid(),
            }
        )


@hookimpl
def plughost_routes() -> list[Route]:
    return [Route(r"/outsider/api/greeting", GreetingHandler)]

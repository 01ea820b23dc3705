"""What the lab asks for at its start comes with its page; `src/startup/` hands it out there."""

from __future__ import annotations

from typing import Any

from plughost import Host, PageRequest, ServiceNotFound
from plughost_lab.visit import LAB, workspace

COLLECTOR = "plughost_settings.startup.StartupData"
"""The service that collects it; without it the page asks for everything."""

PATIENCE = 0.25
"""Seconds that the page waits for an answer; it asks for itself what takes longer."""


async def page_config(host: Host, visit: PageRequest) -> dict[str, Any]:
    """Under `startup`: the texts that GETs would be answered with, by path below the base URL."""
    try:
        collector = host.service(COLLECTOR)
    except ServiceNotFound:
        return {}
    answers = await collector.collect(LAB, workspace(visit), patience=PATIENCE)
    return {"startup": {path: body.decode() for path, body in answers.items()}}

"""The metrics as Prometheus reads them.

Imported when somebody asks: prometheus_client and psutil take time and memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import psutil
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from plughost_observe.metrics import BUCKETS, Durations, Kind
from plughost_observe.watchdog import LAG_BUCKETS, Total


@dataclass(frozen=True)
class Snapshot:
    """Everything that is measured, as it was at one moment on the event loop.

    `status` has the facts of `GET /api/status`; `extensions` the milliseconds of each phase
    and the bytes of memory; `lag` the buckets and the sum of the loop's lag in seconds.
    """

    version: str
    requests: Mapping[Kind, Durations]
    holds: Mapping[str, Total]
    lag: tuple[list[int], float]
    status: Mapping[str, Any]
    sockets: Mapping[str, int]
    extensions: Mapping[str, tuple[str, Mapping[str, float], int | None]]


def exposed(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """The metrics as text, and its media type: Prometheus's, or OpenMetrics if that is wanted."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshots(snapshot))
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


class _Snapshots(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._now = snapshot

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("plughost_info", "What runs.", labels=["version"])
        info.add_metric([self._now.version], 1)
        yield info
        yield from self._of_requests()
        yield from self._of_the_loop()
        yield from self._of_the_status()
        yield from self._of_extensions()
        yield from _of_the_process()

    def _of_requests(self) -> Iterator[Metric]:
        labels = ["method", "route", "extension"]
        requests = CounterMetricFamily(
            "plughost_http_requests",
            "Requests answered, by method, route pattern, extension and class of status.",
            labels=[*labels, "status"],
        )
        durations = HistogramMetricFamily(
            "plughost_http_request_duration_seconds",
            "Time from a request's arrival to its reply; of WebSockets, until they are open.",
            labels=labels,
        )
        for kind, counted in self._now.requests.items():
            for status, count in counted.statuses.items():
                requests.add_metric([*kind, status], count)
            durations.add_metric([*kind], _buckets(BUCKETS, counted.buckets), counted.total)
        yield requests
        yield durations

    def _of_the_loop(self) -> Iterator[Metric]:
        lag = HistogramMetricFamily(
            "plughost_loop_lag_seconds",
            "How late the event loop came to what was due, measured while it was busy.",
        )
        lag.add_metric([], _buckets(LAG_BUCKETS, self._now.lag[0]), self._now.lag[1])
        yield lag
        holds = CounterMetricFamily(
            "plughost_loop_holds",
            "How often code of an extension or distribution held the event loop too long.",
            labels=["owner"],
        )
        held = CounterMetricFamily(
            "plughost_loop_held_seconds", "For how long, all in all.", labels=["owner"]
        )
        for owner, total in self._now.holds.items():
            holds.add_metric([owner], total.count)
            held.add_metric([owner], total.milliseconds / 1000)
        yield holds
        yield held

    def _of_the_status(self) -> Iterator[Metric]:
        facts = GaugeMetricFamily(
            "plughost_status",
            "Every number in GET /api/status: kernels, connections and what others count.",
            labels=["fact"],
        )
        for name, value in self._now.status.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                facts.add_metric([name], value)
        yield facts

    def _of_extensions(self) -> Iterator[Metric]:
        sockets = GaugeMetricFamily(
            "plughost_websockets", "WebSockets that are open.", labels=["extension"]
        )
        for extension, count in self._now.sockets.items():
            sockets.add_metric([extension], count)
        yield sockets
        states = GaugeMetricFamily(
            "plughost_extension_state", "1 for the state it is in.", labels=["extension", "state"]
        )
        spent = GaugeMetricFamily(
            "plughost_extension_seconds",
            "Time spent on an extension, by phase: import, hooks, start and so on.",
            labels=["extension", "phase"],
        )
        memory = GaugeMetricFamily(
            "plughost_extension_memory_bytes",
            "What the process grew by while the extension was imported.",
            labels=["extension"],
        )
        for name, (state, milliseconds, grown) in self._now.extensions.items():
            states.add_metric([name, state], 1)
            for phase, took in milliseconds.items():
                spent.add_metric([name, phase], took / 1000)
            if grown is not None:
                memory.add_metric([name], grown)
        yield states
        yield spent
        yield memory


def _of_the_process() -> Iterator[Metric]:
    """What Prometheus's client libraries call these facts, on every system."""
    process = psutil.Process(os.getpid())
    with process.oneshot():
        times = process.cpu_times()
        yield GaugeMetricFamily(
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            value=process.memory_info().rss,
        )
        yield CounterMetricFamily(
            "process_cpu_seconds",
            "Total user and system CPU time spent in seconds.",
            value=times.user + times.system,
        )
        yield GaugeMetricFamily(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            value=process.create_time(),
        )
        if hasattr(process, "num_fds"):  # not on Windows
            yield GaugeMetricFamily(
                "process_open_fds", "Number of open file descriptors.", value=process.num_fds()
            )


def _buckets(bounds: tuple[float, ...], counts: list[int]) -> list[tuple[str, float]]:
    """Cumulative, each with its upper bound, as Prometheus wants them."""
    names = [*map(repr, bounds), "+Inf"]
    return [*zip(names, map(float, accumulate(counts)), strict=True)]

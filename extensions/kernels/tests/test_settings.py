"""Settings that cannot be meant are refused before a kernel suffers from them."""

import pytest

from plughost import Config, HostError
from plughost_kernels.settings import KernelSettings

MIB = 1024**2
TOO_LITTLE = {
    "restart_limit": [-1],
    "stable_after": [-0.5],
    "watch_interval": [0, -1.0],
    "shutdown_wait": [-1],
    "answer_timeout": [0, -60],
    "journal_bytes": [0, MIB - 1],
    "cull_interval": [0],
}
LEAST = {
    "restart_limit": 0,
    "stable_after": 0.0,
    "watch_interval": 0.001,
    "shutdown_wait": 0.0,
    "answer_timeout": 0.001,
    "journal_bytes": MIB,
    "cull_idle_timeout": -1.0,
    "cull_interval": 0.001,
}
COUNTED = ("restart_limit", "journal_bytes")


def settings(**values):
    return Config(extensions={"kernels": values}).extension("kernels", KernelSettings)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in TOO_LITTLE.items() for value in values]
    + [(name, float("nan")) for name in TOO_LITTLE if name not in COUNTED],
)
def test_a_value_that_is_too_small_or_no_number_is_refused_by_name(name, value):
    with pytest.raises(HostError, match=f"extensions.kernels.{name}"):
        settings(**{name: value})


def test_the_least_that_makes_sense_is_accepted():
    made = settings(**LEAST)
    assert {name: getattr(made, name) for name in LEAST} == LEAST


async def test_kernels_do_not_start_with_a_value_that_cannot_be_used(start):
    import plughost_kernels

    wrong = {"extensions": {"kernels": {"watch_interval": 0}}}
    async with start(plughost_kernels, **wrong) as (host, client):
        await host.settle()
        record = (await client.get("/plughost/api/extensions/kernels")).json
    assert record["state"] == "failed"
    assert "'extensions.kernels.watch_interval'" in record["error"]

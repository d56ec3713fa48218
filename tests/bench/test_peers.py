"""Adapters of the compared packages: what is timed as a hit really is one."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from bench.hit_cost import peers

SYNC = peers.installed({**peers.SYNC, "cachetools + condition": peers.cachetools_condition})
ASYNC = peers.installed(
    {**peers.ASYNC, "aiocache stampede": peers.aiocache_stampede, "cashews lock": peers.cashews_lock}
)
CALLS = [(number, f"shop {number % 2}") for number in range(1, 6)]


@pytest.mark.parametrize("name", SYNC)
def test_what_is_measured_as_a_hit_is_one(name: str) -> None:
    loads: list[tuple[int, str]] = []

    def load(a: int, b: str) -> str:
        loads.append((a, b))
        return f"{a} in {b}"

    with ExitStack() as stack:
        function = SYNC[name](load, stack)
        for _ in range(3):
            assert [function(a, b) for a, b in CALLS] == [f"{a} in {b}" for a, b in CALLS]
        assert loads == CALLS
        if name not in peers.NO_KEYWORDS:
            for _ in range(3):
                assert [function(a=a, b=b) for a, b in CALLS] == [f"{a} in {b}" for a, b in CALLS]
            # Some take the same call by keyword for another one; then they have loaded that once, too.
            assert len(loads) <= 2 * len(CALLS)


@pytest.mark.parametrize("name", ASYNC)
def test_what_is_measured_as_an_asynchronous_hit_is_one(name: str) -> None:
    loads: list[tuple[int, str]] = []

    async def load(a: int, b: str) -> str:
        loads.append((a, b))
        return f"{a} in {b}"

    async def call() -> None:
        function = ASYNC[name](load, stack)
        for _ in range(3):
            assert [await function(a, b) for a, b in CALLS] == [f"{a} in {b}" for a, b in CALLS]

    with ExitStack() as stack:
        asyncio.run(call())
    assert loads == CALLS


def test_a_package_that_is_not_installed_is_left_out_and_named() -> None:
    adapters = {"no-such-package at all": peers.cachebox, "afresh memory://": peers.afresh_memory}
    assert peers.missing(adapters) == ["no-such-package at all"]
    assert list(peers.installed(adapters)) == ["afresh memory://"]

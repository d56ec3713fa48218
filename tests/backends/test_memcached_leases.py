"""Leases on memcached: their contract on one server and on three, holders that die, processes that miss at once."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from memcached_room import PATIENT, Place, another, empty, place  # noqa: F401  fixtures

from afresh.backends.memcached.client import Request
from afresh.backends.memcached.connect import MemcachedClient
from afresh.backends.memcached.leases import TTL, MemcachedLeases
from afresh.backends.memcached.store.store import MemcachedStore
from afresh.core.ports import UNASKED
from afresh.runtime.drive import drive
from afresh.runtime.threads import ThreadRuntime
from afresh.testing.contracts.leases import LeasesContract
from afresh.testing.contracts.store import fill, put
from afresh.testing.contracts.worlds import DrivingWorld
from afresh.testing.servers.process import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

Another = Callable[[Place], MemcachedClient]


def _opened(client: MemcachedClient) -> MemcachedLeases:
    return MemcachedLeases(client, MemcachedStore(client))


class TestMemcachedLeases(LeasesContract):
    soon = 5.0

    @pytest.fixture
    def leases(self, empty: Place, another: Another) -> Iterator[MemcachedLeases]:
        leases = _opened(another(empty))
        yield leases
        leases.close()

    @pytest.fixture
    def second(self, leases: MemcachedLeases, place: Place, another: Another) -> Iterator[MemcachedLeases]:
        second = _opened(another(place))
        yield second
        second.close()

    def test_it_comes_with_what_is_stored(
        self, leases: MemcachedLeases, place: Place, another: Another, world: DrivingWorld
    ) -> None:
        store = MemcachedStore(another(place))
        world(fill(store, "filled", b"1"))
        world(fill(store, "expired", b"1", expires=0.0))
        world(put(store, "put", b"1"))

        async def scenario(runtime: object) -> None:
            for key, found in (("filled", b"1"), ("nothing", None), ("expired", None), ("put", UNASKED)):
                lease = await leases.take(key, 0.0, runtime)  # type: ignore[arg-type]
                assert lease is not None
                assert lease.found == found
                lease.release()

        world.together(scenario)
        # What is stored outlives the lease, current or not.
        assert world(store.get("filled")) == b"1"

    def test_a_child_of_a_fork_does_not_end_the_parents(
        self, leases: MemcachedLeases, second: MemcachedLeases
    ) -> None:
        runtime = ThreadRuntime()
        held = drive(leases.take("k", 0.0, runtime))
        assert held is not None
        child = os.fork()
        if not child:
            held.release()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert drive(second.take("k", 0.02, runtime)) is None
        held.release()


def test_a_lease_that_is_held_long_is_renewed(empty: Place, another: Another) -> None:
    one, other, runtime = _opened(another(empty)), _opened(another(empty)), ThreadRuntime()
    held = drive(one.take("k", 0.0, runtime))
    assert held is not None
    until = time.monotonic() + TTL + 1.5
    while time.monotonic() < until:
        assert drive(other.take("k", 0.2, runtime)) is None
    held.release()
    taken = drive(other.take("k", 5.0, runtime))
    assert taken is not None
    one.close()
    other.close()


def test_a_lease_that_was_lost_frees_nobody_elses(empty: Place, another: Another) -> None:
    client = another(empty)
    one, other, runtime = _opened(client), _opened(another(empty)), ThreadRuntime()
    held = drive(one.take("k", 0.0, runtime))
    assert held is not None
    drive(client.one(Request("md", held.name, server=held.server)))  # as eviction does
    taken = drive(other.take("k", 0.0, runtime))
    assert taken is not None
    held.release()
    wait_until(lambda: True, "the release", 1.0)
    assert drive(one.take("k", 0.0, runtime)) is None
    one.close()
    other.close()


HOLDER = """
import sys, time
from afresh.backends.memcached.connect import open_client
from afresh.backends.memcached.leases import MemcachedLeases
from afresh.backends.memcached.store.store import MemcachedStore
from afresh.runtime.drive import drive
from afresh.runtime.threads import ThreadRuntime
client = open_client(sys.argv[1])
assert drive(MemcachedLeases(client, MemcachedStore(client)).take("k", 0.0, ThreadRuntime())) is not None
print("held", flush=True)
time.sleep(60)
"""


def test_a_lease_ends_with_its_holders_process(empty: Place, another: Another) -> None:
    leases, runtime = _opened(another(empty)), ThreadRuntime()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, empty.url + PATIENT], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert drive(leases.take("k", 0.1, runtime)) is None
        holder.send_signal(signal.SIGKILL)
    began = time.monotonic()
    taken = drive(leases.take("k", 20.0, runtime))
    assert taken is not None
    assert time.monotonic() - began < TTL + 1.5
    leases.close()

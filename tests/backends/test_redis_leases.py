"""Leases on Redis: their contract, what is found with them, and holders that are killed."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from redis_room import another, empty, place, server  # noqa: F401  fixtures

from afresh.backends.redis import leases as room
from afresh.backends.redis.connect import open_client
from afresh.backends.redis.entries import entry_key, lease_key
from afresh.backends.redis.leases import RedisLeases
from afresh.backends.redis.store import RedisStore
from afresh.core.ports import Runtime
from afresh.errors import BackendError
from afresh.runtime.drive import drive
from afresh.runtime.threads import ThreadRuntime
from afresh.testing.contracts.leases import LeasesContract
from afresh.testing.contracts.store import fill
from afresh.testing.contracts.worlds import DrivingWorld
from afresh.testing.servers import RedisServer
from afresh.testing.servers.process import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

Another = Callable[[Any], Any]
RUNTIME = ThreadRuntime()


class TestRedisLeases(LeasesContract):
    soon = 5.0

    @pytest.fixture
    def leases(self, empty: Any, another: Another) -> Any:
        leases = RedisLeases(another(empty))
        yield leases
        leases.close()

    @pytest.fixture
    def second(self, leases: RedisLeases, place: Any, another: Another) -> Any:
        second = RedisLeases(another(place))
        yield second
        second.close()

    @pytest.fixture
    def store(self, leases: RedisLeases, place: Any, another: Another) -> RedisStore:
        return RedisStore(another(place), cluster=hasattr(place, "servers"))

    def test_the_lease_brings_the_envelope(
        self, leases: RedisLeases, store: RedisStore, world: DrivingWorld
    ) -> None:
        async def scenario(runtime: Runtime) -> None:
            for envelope in (None, b"", b"an envelope"):
                if envelope is not None:
                    await fill(store, "k", envelope)
                lease = await leases.take("k", self.soon, runtime)
                assert lease is not None
                assert lease.found == envelope
                lease.release()

        world.together(scenario)

    def test_who_waited_for_a_value_gets_it_without_the_lease(
        self, leases: RedisLeases, second: RedisLeases, store: RedisStore, world: DrivingWorld
    ) -> None:
        held = threading.Event()

        async def hold(runtime: Runtime) -> None:
            await fill(store, "k", b"old", stamp=1)
            lease = await leases.take("k", 0.0, runtime)
            assert lease is not None
            held.set()
            await runtime.wait(runtime.waiter(), 0.1)
            await fill(store, "k", b"new", stamp=2)
            lease.release()
            again = await leases.take("k", self.soon, runtime)
            assert again is not None, "nobody took it"
            await runtime.wait(runtime.waiter(), 0.1)
            again.release()

        async def wait(runtime: Runtime) -> bytes | None:
            while not held.is_set():
                await runtime.wait(runtime.waiter(), 0.001)
            lease = await second.take("k", self.patience, runtime)
            assert lease is not None
            lease.release()
            assert isinstance(lease.found, bytes)
            return lease.found

        assert world.together(hold, wait)[1] == b"new"

    def test_a_lease_lasts_while_its_holder_lives(
        self,
        leases: RedisLeases,
        second: RedisLeases,
        world: DrivingWorld,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(room, "_MILLISECONDS", 300)
        monkeypatch.setattr(room, "_RENEW", 0.05)

        async def scenario(runtime: Runtime) -> None:
            lease = await leases.take("k", 0.0, runtime)
            assert lease is not None
            assert await second.take("k", 0.7, runtime) is None
            lease.release()

        world.together(scenario)

    def test_a_lease_that_nobody_keeps_ends(
        self, leases: RedisLeases, second: RedisLeases, world: DrivingWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(room, "_MILLISECONDS", 100)

        async def scenario(runtime: Runtime) -> None:
            lease = await leases.take("k", 0.0, runtime)
            assert lease is not None
            leases._keeper.drop(lease._token)  # as if its process had been killed
            began = time.monotonic()
            taken = await second.take("k", self.patience, runtime)
            assert taken is not None
            assert time.monotonic() - began < self.patience / 4
            # The first one's release, when it wakes up again, frees nobody else's.
            leases._keeper.keep(lease._token, lease._key)
            lease.release()
            assert await leases.take("k", 0.0, runtime) is None
            taken.release()

        world.together(scenario)

    def test_a_cancelled_caller_holds_nothing(
        self, leases: RedisLeases, second: RedisLeases, world: DrivingWorld
    ) -> None:
        import asyncio

        async def scenario(runtime: Runtime) -> None:
            held = await leases.take("k", 0.0, runtime)
            assert held is not None
            if runtime.loop_thread() is not None:
                task = asyncio.ensure_future(second.take("k", self.patience, runtime))
                await asyncio.sleep(0.05)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            held.release()
            again = await leases.take("k", self.patience, runtime)
            assert again is not None
            again.release()
            assert second._wakers._waiting == {}

        world.together(scenario)


def test_a_release_is_heard_and_not_found_by_looking(
    server: RedisServer, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits asks twice: at first, and when it has subscribed; then only the message wakes it."""
    first, second = RedisLeases(another(server)), RedisLeases(another(server))
    asked: list[float] = []
    ask = RedisLeases._ask

    async def counting(self: RedisLeases, *arguments: Any) -> Any:
        if self is second:
            asked.append(time.monotonic())
        return await ask(self, *arguments)

    monkeypatch.setattr(RedisLeases, "_ask", counting)
    held = drive(first.take("k", 0.0, RUNTIME))
    assert held is not None
    taken: list[Any] = []
    thread = threading.Thread(target=lambda: taken.append(drive(second.take("k", 20.0, RUNTIME))))
    thread.start()
    with server.client() as client:
        channel = lease_key(entry_key("k"))
        wait_until(lambda: client.pubsub_numsub(channel)[0][1] == 1, "a subscription")
        wait_until(lambda: len(asked) == 2, "a second look")
        held.release()
        released = time.monotonic()
        thread.join(10)
        assert taken[0] is not None
        assert len(asked) == 3
        assert asked[2] - released < 0.5
        taken[0].release()
        wait_until(lambda: client.pubsub_numsub(channel)[0][1] == 0, "the end of a subscription")
    for leases in (first, second):
        leases.close()


def test_a_broken_subscription_is_made_again(server: RedisServer, another: Another) -> None:
    first, second = RedisLeases(another(server)), RedisLeases(another(server))
    held = drive(first.take("k", 0.0, RUNTIME))
    assert held is not None
    taken: list[Any] = []
    thread = threading.Thread(target=lambda: taken.append(drive(second.take("k", 20.0, RUNTIME))))
    thread.start()
    channel = lease_key(entry_key("k"))
    with server.client() as client:
        wait_until(lambda: client.pubsub_numsub(channel)[0][1] == 1, "a subscription")
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        wait_until(lambda: client.pubsub_numsub(channel)[0][1] == 1, "another one")
    held.release()
    thread.join(10)
    assert taken[0] is not None
    for leases in (first, second):
        leases.close()


def test_a_user_who_may_not_listen_looks_every_now_and_then(tmp_path: Any, another: Another) -> None:
    """As every user of Redis 7 that was given no channels."""
    with RedisServer(tmp_path) as server, server.client() as client:
        client.execute_command("ACL", "SETUSER", "deaf", "on", ">secret", "~*", "+@all", "resetchannels")
        url = f"redis://deaf:secret@127.0.0.1:{server.port}/0?timeout=30&connect_timeout=30"
        first, second = RedisLeases(open_client(url)), RedisLeases(open_client(url))
        held = drive(first.take("k", 0.0, RUNTIME))
        assert held is not None
        taken: list[Any] = []
        thread = threading.Thread(target=lambda: taken.append(drive(second.take("k", 20.0, RUNTIME))))
        before = client.info("stats")["total_connections_received"]
        thread.start()
        time.sleep(1.0)
        held.release()
        thread.join(1.0)
        assert taken[0] is not None
        assert client.info("stats")["total_connections_received"] - before < 10
        for leases in (first, second):
            leases.close()
            leases._client.close()


def test_without_a_server_it_is_an_error_at_once(tmp_path: Any, another: Another) -> None:
    with RedisServer(tmp_path) as server:
        leases = RedisLeases(another(server))
        lease = drive(leases.take("k", 0.0, RUNTIME))
        assert lease is not None
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(BackendError):
            drive(leases.take("k", 20.0, RUNTIME))
    lease.release()
    leases.close()
    assert time.monotonic() - began < 5


HOLDER = """
import sys, time
from afresh.backends.redis.connect import open_client
from afresh.backends.redis.leases import RedisLeases
from afresh.runtime.drive import drive
from afresh.runtime.threads import ThreadRuntime
leases = RedisLeases(open_client(sys.argv[1]))
assert drive(leases.take("k", 0.0, ThreadRuntime())) is not None
print("held", flush=True)
time.sleep(60)
"""


def test_a_killed_holders_lease_ends_soon(server: RedisServer, another: Another) -> None:
    url = f"{server.url}?timeout=30&connect_timeout=30"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    leases = RedisLeases(another(server))
    try:
        # It is kept alive beyond its first end.
        assert drive(leases.take("k", room.LASTS + 0.5, RUNTIME)) is None
        holder.send_signal(signal.SIGKILL)
        began = time.monotonic()
        taken = drive(leases.take("k", 20.0, RUNTIME))
        assert taken is not None
        assert time.monotonic() - began <= 4.0
        taken.release()
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
        leases.close()

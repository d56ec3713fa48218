"""A cache over servers that die and are replaced: sentinels, and a cluster's node with the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from afresh import BackendError, Cache, tag
from afresh.backends.redis.log import ledger_keys
from afresh.testing.servers import FLAVOURS, RedisCluster, RedisSentinels, RedisServer
from afresh.testing.servers.process import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SETTINGS = "?timeout=1&write_timeout=2&connect_timeout=2"


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], list[Cache]]]:
    """Opens the same cache on two machines (two folders)."""
    caches: list[Cache] = []

    def make(place: Any) -> list[Cache]:
        for name in ("a", "b"):
            monkeypatch.setenv("AFRESH_DIR", str(tmp_path / name))
            caches.append(Cache(f"{place.url}{SETTINGS}"))
        return caches

    tmp_path.chmod(0o700)
    yield make
    for cache in caches:
        cache.close()


class Value:
    """What is cached, changed together with its announcement, and read on both machines."""

    def __init__(self, caches: list[Cache]) -> None:
        self._caches = caches
        self.now = 0

    def read(self) -> list[int]:
        return [cache.get_or_load("v", lambda: self.now, tags=[tag("v")]) for cache in self._caches]

    def change(self) -> None:
        """One machine changes it; until that is delivered its own reads go round it."""
        self.now += 1
        self._caches[self.now % 2].invalidate(tag("v"))

    def seen_everywhere(self, patience: float = 20.0) -> None:
        wait_until(lambda: self.read() == [self.now] * 2, "a change's being seen", patience)


def test_a_primary_is_killed_and_a_replica_takes_over(
    tmp_path: Path, machines: Callable[[Any], list[Cache]]
) -> None:
    with RedisSentinels(tmp_path / "servers") as place:
        caches = machines(place)
        value = Value(caches)
        for _ in range(3):
            value.change()
            value.seen_everywhere()
        epochs = {cache._engine.ledger.epoch for cache in caches}
        place.servers[0].kill()
        value.change()  # while there is nobody to tell
        place.wait_for_another(place.servers[0])
        value.seen_everywhere(20.0)
        for _ in range(3):
            value.change()
            value.seen_everywhere()
        wait_until(lambda: all(cache._engine.ledger.epoch not in epochs for cache in caches), "another epoch")
        wait_until(lambda: all(_proven(cache) for cache in caches), "a cache that works again")


def test_the_node_with_the_ledger_is_killed_and_its_replica_takes_over(
    tmp_path: Path, machines: Callable[[Any], list[Cache]]
) -> None:
    with RedisCluster(tmp_path / "servers", replicas=1) as place:
        caches = machines(place)
        value = Value(caches)
        value.change()
        value.seen_everywhere()
        for replica in place.servers[3:]:
            with replica.client() as client:
                wait_until(
                    lambda: client.info("replication")["master_link_status"] == "up", "a replica's copy"
                )
        epochs = {cache._engine.ledger.epoch for cache in caches}
        _keeper(place).kill()
        value.change()
        # Nobody reads meanwhile: the followers find the new primary though their processes are idle.
        wait_until(lambda: all(cache._engine.ledger.epoch not in epochs for cache in caches), "another epoch")
        wait_until(lambda: all(cache._engine.backend.proven() for cache in caches), "a word of the primary")
        value.seen_everywhere()
        value.change()
        value.seen_everywhere()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_restart_from_an_old_snapshot_and_a_flush_serve_nothing_old(
    tmp_path: Path, machines: Callable[[Any], list[Cache]], flavour: Any
) -> None:
    with RedisServer(tmp_path / "server", flavour=flavour) as server:
        value = Value(machines(server))
        value.change()
        value.seen_everywhere()
        server.save()
        for act in (_restart, _flush, _restart):
            value.change()
            act(server)  # at once: nobody may have heard of the change yet
            began = time.monotonic()
            value.seen_everywhere(10.0)
            while time.monotonic() - began < 1.2:
                assert value.read() == [value.now] * 2, "an old value came back"


@pytest.mark.parametrize("consistency", ["bounded", "strict"])
def test_a_server_that_stands_still_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, consistency: Any
) -> None:
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "folder"))
    tmp_path.chmod(0o700)
    with RedisServer(tmp_path / "server") as server, Cache(server.url, consistency=consistency) as cache:
        assert cache.get_or_load("k", lambda: 1, tags=[tag("t")]) == 1
        server.pause()
        try:
            times = []
            for number in range(20):
                began = time.monotonic()
                assert cache.get_or_load(f"k{number}", lambda: 2) == 2
                times.append(time.monotonic() - began)
            assert sorted(times)[-2] < 0.2, "only the first one waits"
        finally:
            server.resume()
        wait_until(lambda: _proven(cache), "a cache that works again")


def _restart(server: RedisServer) -> None:
    server.kill()
    server.start()


def _flush(server: RedisServer) -> None:
    with server.client() as client:
        client.flushall()


def _keeper(place: RedisCluster) -> RedisServer:
    """The node that has the ledger."""
    for server in place.servers:
        with server.client() as client:
            if client.info("replication")["role"] == "master" and client.keys("afresh{*"):
                return server
    raise AssertionError(f"nobody has {ledger_keys('0')}")


def _proven(cache: Cache) -> bool:
    cache.get("anything")
    return bool(cache._engine.backend.proven())


ACTS: dict[str, Callable[[Cache], Any]] = {
    "invalidate": lambda cache: cache.invalidate(tag("t")),
    "set": lambda cache: cache.set("k", 1),
    "incr": lambda cache: cache.incr("k"),
    "delete": lambda cache: cache.delete("k"),
    "writing": lambda cache: _write(cache),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_process_that_only_writes_finds_a_server_that_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "folder"))
    tmp_path.chmod(0o700)
    with RedisServer(tmp_path / "server") as server:
        cache = Cache(f"{server.url}{SETTINGS}", consistency="strict")
        try:
            ACTS[act](cache)
            cache._engine.ledger._follower.end()  # type: ignore[attr-defined]  # another process follows
            server.kill()
            assert not _works(ACTS[act], cache)
            time.sleep(1.2)  # until housekeeping rests
            server.start()
            wait_until(lambda: _works(ACTS[act], cache), "a write that works again")
        finally:
            cache.close()


def _write(cache: Cache) -> None:
    with cache.writing(tag("t")):
        pass


def _works(act: Callable[[Cache], Any], cache: Cache) -> bool:
    try:
        act(cache)
    except BackendError:
        return False
    return True

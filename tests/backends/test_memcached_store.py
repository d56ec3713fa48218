"""The store on memcached: its contract on one server and on three, and servers that were away."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from memcached_room import Place, another, empty, place  # noqa: F401  fixtures

from afresh.backends.memcached.client import Request, Response
from afresh.backends.memcached.connect import MemcachedClient, open_client
from afresh.backends.memcached.store.store import MemcachedStore, item
from afresh.errors import BackendError
from afresh.runtime.drive import drive
from afresh.testing.contracts.store import NEVER, SharedStoreContract, fill, put, swap
from afresh.testing.contracts.worlds import DrivingWorld
from afresh.testing.servers import MemcachedServer
from afresh.testing.servers.process import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

Another = Callable[[Place], MemcachedClient]


class TestMemcachedStore(SharedStoreContract):
    @pytest.fixture
    def store(self, empty: Place, another: Another) -> MemcachedStore:
        return MemcachedStore(another(empty))

    @pytest.fixture
    def second(self, store: MemcachedStore, place: Place, another: Another) -> MemcachedStore:
        return MemcachedStore(another(place))

    def test_a_strangers_value_is_a_miss_and_is_replaced(
        self, store: MemcachedStore, world: DrivingWorld, place: Place, another: Another
    ) -> None:
        client = another(place)
        for key in ("a", "b", "c"):
            drive(client.one(Request("ms", item(key), (), b"\x07 not ours at all, and long enough")))
        assert world(store.get_many(["a", "b", "c"])) == {}
        assert world(store.get("a")) is None
        assert world(fill(store, "a", b"1"))
        world(put(store, "b", b"2"))
        assert world(swap(store, "c", None, b"3"))
        assert world(store.get_many(["a", "b", "c"])) == {"a": b"1", "b": b"2", "c": b"3"}

    def test_the_server_forgets_what_expired(
        self,
        store: MemcachedStore,
        world: DrivingWorld,
        place: Place,
        another: Another,
        now: Callable[[], float],
    ) -> None:
        world(put(store, "soon", b"1", expires=now() + 100))
        world(put(store, "in a year", b"1", expires=now() + 365 * 24 * 3600))
        world(put(store, "never", b"1", expires=NEVER))
        client = another(place)
        left = [
            int(drive(client.one(Request("mg", item(key), ("t",)))).flag("t") or 0)
            for key in ("soon", "in a year", "never")
        ]
        assert 95 < left[0] <= 103
        assert abs(left[1] - 365 * 24 * 3600) < 10
        assert left[2] == -1

    def test_what_the_other_put_after_a_clearing_is_seen_by_all(
        self, store: MemcachedStore, second: MemcachedStore, world: DrivingWorld
    ) -> None:
        world(put(store, "a", b"1"))
        world(put(second, "a", b"2"))
        world(store.clear("a"))
        assert world(second.get("a")) is None
        world(put(second, "a", b"3"))
        assert world(store.get("a")) == b"3"
        assert world(store.get_many(["a"])) == {"a": b"3"}

    def test_a_reader_that_never_puts_sees_a_clearing(
        self, store: MemcachedStore, second: MemcachedStore, world: DrivingWorld
    ) -> None:
        world(put(store, "a", b"1"))
        world(store.clear(""))
        assert world(second.get("a")) is None
        assert world(second.get_many(["a"])) == {}

    def test_the_quick_way_sees_what_another_cleared_and_put(
        self, store: MemcachedStore, second: MemcachedStore
    ) -> None:
        drive(put(store, "a", b"1"))
        assert store.read("a") == b"1"
        drive(second.clear(""))
        assert store.read("a") is None
        drive(put(second, "a", b"2"))
        assert store.read("a") == b"2"
        drive(second.clear("b"))
        assert store.read("a") == b"2"
        drive(second.delete("a"))
        assert store.read("a") is None

    def test_the_quick_way_does_not_believe_a_list_that_is_lost(
        self, store: MemcachedStore, place: Place, another: Another
    ) -> None:
        drive(put(store, "a", b"1"))
        assert store.read("a") == b"1"
        client = another(place)
        for server in range(len(place.servers)):
            drive(client.one(Request("md", b"afresh:cleared", server=server)))
        assert store.read("a") is None

    def test_the_quick_way_is_that_of_every_hit(
        self, empty: Place, another: Another, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = another(empty)
        store = MemcachedStore(client)
        for each in ("put", *map(str, range(30))):  # each server begins its list with the first put
            drive(put(store, each, b"1"))
        drive(fill(store, "loaded", b"2"))
        asked: list[Request] = []
        run = client.run

        async def counted(*requests: Request, timeout: float | None = None) -> list[Response]:  # noqa: ASYNC109
            asked.extend(requests)
            return await run(*requests, timeout=timeout)

        monkeypatch.setattr(client, "run", counted)
        for _ in range(2):  # the first time it learns what each server has cleared
            asked.clear()
            assert [store.read(key) for key in ("put", "loaded", "nothing")] == [b"1", b"2", None]
        assert asked == []

    def test_many_clearings_hide_no_less(self, store: MemcachedStore, world: DrivingWorld) -> None:
        for number in range(150):
            world(put(store, f"{number}:", b"1"))
            world(store.clear(f"{number}:"))
        assert world(store.get_many([f"{number}:" for number in range(150)])) == {}
        world(put(store, "149:", b"2"))
        assert world(store.get("149:")) == b"2"

    def test_a_lost_list_of_clearings_hides_what_was_put_before(
        self,
        store: MemcachedStore,
        second: MemcachedStore,
        world: DrivingWorld,
        place: Place,
        another: Another,
    ) -> None:
        world(put(store, "old", b"1"))
        world(store.clear("old"))
        client = another(place)
        for server in range(len(place.servers)):
            drive(client.one(Request("md", b"afresh:cleared", server=server)))
        assert world(second.get("old")) is None
        world(put(second, "new", b"2"))
        assert world(store.get_many(["old", "new"])) == {"new": b"2"}


@pytest.fixture
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[MemcachedServer]]:
    servers = [MemcachedServer(tmp_path_factory.mktemp("memcached")) for _ in range(3)]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.stop()


@pytest.fixture
def client(servers: list[MemcachedServer]) -> Iterator[MemcachedClient]:
    client = open_client(Place(servers).url + "?timeout=0.2&write_timeout=0.2&connect_timeout=0.2")
    yield client
    client.close()


def _of(client: MemcachedClient, server: int) -> list[str]:
    return [key for key in map(str, range(200)) if client.server_of(item(key)) == server][:5]


def _back(client: MemcachedClient, store: MemcachedStore | None = None) -> None:
    """What a cache does every now and then, until every server answers again."""

    def answer() -> bool:
        client.look_after()
        if store is not None:
            store.look_after()
        return drive(_answers(client))

    wait_until(answer, "the servers", 10.0)


async def _answers(client: MemcachedClient) -> bool:
    servers = range(len(client.servers))
    replies = await client.run(*[Request("mg", b"x", server=server) for server in servers])
    return not any(reply.error for reply in replies)


def test_one_of_three_is_killed(servers: list[MemcachedServer], client: MemcachedClient) -> None:
    store = MemcachedStore(client)
    keys = {server: _of(client, server) for server in range(3)}
    everything = [key for each in keys.values() for key in each]
    drive(store.put_many(dict.fromkeys(everything, b"1"), stamp=1, expires=NEVER))
    servers[1].kill()
    found = drive(store.get_many(everything))
    assert found == dict.fromkeys(keys[0] + keys[2], b"1")
    for read in (store.get, store.delete):
        with pytest.raises(BackendError):
            drive(read(keys[1][0]))
    with pytest.raises(BackendError):
        drive(put(store, keys[1][1], b"2"))
    with pytest.raises(BackendError):
        drive(store.clear("nothing"))
    servers[1].start()
    _back(client, store)
    assert drive(store.get_many(everything)) == found
    drive(put(store, keys[1][0], b"new"))
    assert drive(store.get(keys[1][0])) == b"new"


def test_a_server_that_was_away_serves_nothing_that_it_missed(
    servers: list[MemcachedServer], client: MemcachedClient
) -> None:
    store = MemcachedStore(client)
    deleted, overwritten, swapped, kept, cleared = _of(client, 1)
    for key in (deleted, overwritten, swapped, kept):
        drive(put(store, key, b"old"))
    drive(put(store, f"prefix:{cleared}", b"old"))
    servers[1].pause()
    with pytest.raises(BackendError):
        drive(store.delete(deleted))
    with pytest.raises(BackendError):
        drive(put(store, overwritten, b"new"))
    with pytest.raises(BackendError):
        drive(store.put_many({overwritten: b"new", swapped: b"new"}, stamp=1, expires=NEVER))
    with pytest.raises(BackendError):
        drive(store.clear("prefix:"))
    assert store.usage()["undelivered"] == 4
    servers[1].resume()
    _back(client)
    # The server is back and has the old values; nobody has looked after the store yet.
    got = [drive(store.get(key)) for key in (deleted, overwritten, swapped, f"prefix:{cleared}", kept)]
    assert got[:3] in ([None, None, None], [None, b"new", b"new"])
    assert got[3:] == [None, b"old"]
    assert store.usage()["undelivered"] == 0

"""The store on Redis: its contract on each server and a cluster, and strangers at our keys."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis_room import another, empty, place  # noqa: F401  fixtures

from afresh.backends.redis.entries import entry_key, lease_key, pattern
from afresh.backends.redis.store import RedisStore
from afresh.backends.redis.topology.slots import slot_of
from afresh.testing.contracts.store import NEVER, SharedStoreContract, fill, put, swap
from afresh.testing.contracts.worlds import DrivingWorld

pytestmark = [pytest.mark.servers, pytest.mark.slow]

Another = Callable[[Any], Any]


class TestRedisStore(SharedStoreContract):
    @pytest.fixture
    def store(self, empty: Any, another: Another) -> RedisStore:
        return RedisStore(another(empty), cluster=hasattr(empty, "servers"))

    @pytest.fixture
    def second(self, store: RedisStore, place: Any, another: Another) -> RedisStore:
        return RedisStore(another(place), cluster=hasattr(place, "servers"))

    def test_it_expires_on_the_server(
        self,
        store: RedisStore,
        world: DrivingWorld,
        empty: Any,
        now: Callable[[], float],
    ) -> None:
        world(put(store, "put", b"1", expires=now() + 100))
        world(fill(store, "filled", b"1", expires=now() + 100))
        world(store.swap("swapped", None, b"1", stamp=5, expires=now() + 100))
        world(put(store, "kept", b"1"))
        world(put(store, "kept", b"1", expires=NEVER))
        lasts = {
            key: _somewhere(empty, lambda client, key=key: client.pttl(entry_key(key)))
            for key in ("put", "filled", "swapped", "kept")
        }
        assert lasts.pop("kept") == -1
        assert all(90_000 < left <= 100_000 for left in lasts.values()), lasts

    def test_a_strangers_value_is_a_miss_and_is_replaced(
        self,
        store: RedisStore,
        world: DrivingWorld,
        empty: Any,
    ) -> None:
        for key in ("a", "b", "c", "d"):
            _somewhere(empty, lambda client, key=key: client.hset(entry_key(key), "f", "v"))
        _somewhere(empty, lambda client: client.set(entry_key("text"), "not ours"))
        assert world(store.get("a")) is None
        assert world(store.get("text")) is None
        assert world(store.get_many(["a", "b", "text"])) == {}
        assert not world(swap(store, "a", b"not ours", b"new"))
        assert world(swap(store, "a", None, b"1"))
        assert world(fill(store, "b", b"2"))
        assert world(fill(store, "text", b"4"))
        world(put(store, "c", b"3"))
        assert world(store.delete("d"))
        assert world(store.get_many(["a", "b", "c", "d", "text"])) == {
            "a": b"1", "b": b"2", "c": b"3", "text": b"4"
        }  # fmt: skip

    def test_clear_leaves_what_is_not_ours(self, store: RedisStore, world: DrivingWorld, empty: Any) -> None:
        _somewhere(empty, lambda client: client.set("session:7", "a stranger's"))
        world(store.put_many({f"k{number}": b"" for number in range(2_000)}, stamp=1, expires=NEVER))
        world(store.clear(""))
        assert _somewhere(empty, lambda client: client.get("session:7")) == b"a stranger's"
        left = [len(client.keys("afresh:*")) for client in _clients(empty)]
        assert sum(left) == 0

    def test_a_cluster_spreads_entries_whatever_their_keys_are(
        self,
        store: RedisStore,
        world: DrivingWorld,
        empty: Any,
    ) -> None:
        keys = [f"shop:product({{}},{number})" for number in range(60)]
        world(store.put_many(dict.fromkeys(keys, b"v"), stamp=1, expires=NEVER))
        counts = [client.dbsize() for client in _clients(empty)]
        assert sum(counts) == 60
        assert min(counts) > 5


def _clients(place: Any) -> list[Any]:
    return [server.client() for server in getattr(place, "servers", (place,))]


def _somewhere(place: Any, act: Callable[[Any], Any]) -> Any:
    """Do something on whichever node has the key."""
    for client in _clients(place):
        with client:
            try:
                return act(client)
            except Exception as error:
                if "MOVED" not in str(error) and type(error).__name__ != "MovedError":
                    raise
    raise AssertionError("nobody has it")


@pytest.mark.parametrize("key", ["k", "{}", "a{b}c", "a}b{", "}{", "100%", "", "ключ"])
def test_a_lease_is_in_the_slot_of_its_entry(key: str) -> None:
    entry = entry_key(key)
    assert slot_of(lease_key(entry)) == slot_of(entry)
    assert not {b"{", b"}"} & {bytes((byte,)) for byte in entry}


def test_escaped_keys_stay_different_and_keep_their_beginning() -> None:
    keys = ["a{", "a%7B", "a%257B", "a", "a%", "a}"]
    assert len({entry_key(key) for key in keys}) == len(keys)
    assert all(entry_key(key).startswith(entry_key("a")) for key in keys)
    assert pattern("a*[b]?\\") == b"afresh:a\\*\\[b\\]\\?\\\\*"

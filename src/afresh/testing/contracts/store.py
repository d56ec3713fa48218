"""What every store has to do: derive a test class and give it a `store`."""

# ruff: noqa: D102 - the name of a test says what it tests

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine

import pytest

from afresh.core.ports import Runtime, Store
from afresh.runtime.clock import SYSTEM_CLOCK
from afresh.testing.contracts.worlds import BothWorlds, DrivingWorld

NEVER = math.inf
KEYS = [
    "k",
    "with space:and,colon",
    "'; DROP TABLE entries; --",
    "100%_*?[x]",
    "ключ-κλειδί-鍵-🗝",
    "line\nbreak\ttab\x00nul",
    "long" * 700,
    "",
]
"""Keys of every kind; a backend that must write them differently still has to tell them apart."""
ENVELOPES = [b"", b"\x00", bytes(range(256)), b"text", b"x" * 300_000]


def put(
    store: Store, key: str, envelope: bytes, stamp: int = 5, expires: float = NEVER
) -> Coroutine[None, None, None]:
    """`store.put`, briefly."""
    return store.put(key, envelope, stamp=stamp, expires=expires)


def fill(
    store: Store, key: str, envelope: bytes, stamp: int = 5, expires: float = NEVER
) -> Coroutine[None, None, bool]:
    """`store.fill`, briefly."""
    return store.fill(key, envelope, stamp=stamp, expires=expires)


def swap(
    store: Store, key: str, old: bytes | None, new: bytes | None, stamp: int = 5
) -> Coroutine[None, None, bool]:
    """`store.swap`, briefly."""
    return store.swap(key, old, new, stamp=stamp, expires=NEVER)


class StoreContract(BothWorlds):
    """The semantics of `core.ports.Store` in one process."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store: override this, and close it there."""
        raise NotImplementedError

    @pytest.fixture
    def now(self) -> Callable[[], float]:
        """The clock by which the store's entries expire."""
        return SYSTEM_CLOCK.now

    # -- reading and putting --------------------------------------------------------------------

    def test_what_was_never_stored_is_absent(self, store: Store, world: DrivingWorld) -> None:
        assert world(store.get("k")) is None
        assert world(store.get_many(["k", "l"])) == {}
        assert world(store.get_many([])) == {}

    @pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda each: f"{len(each)} bytes")
    def test_bytes_come_back_as_they_were(self, store: Store, world: DrivingWorld, envelope: bytes) -> None:
        world(put(store, "put", envelope))
        world(fill(store, "filled", envelope))
        for key in ("put", "filled"):
            assert world(store.get(key)) == envelope
            assert world(store.get_many([key])) == {key: envelope}
        world(store.flush())
        assert world(store.get("put")) == world(store.get("filled")) == envelope

    def test_keys_are_told_apart(self, store: Store, world: DrivingWorld) -> None:
        for number, key in enumerate(KEYS):
            world(put(store, key, str(number).encode()))
        world(store.flush())
        assert world(store.get_many(KEYS)) == {key: str(number).encode() for number, key in enumerate(KEYS)}
        assert [world(store.get(key)) for key in KEYS] == [
            str(number).encode() for number in range(len(KEYS))
        ]
        assert world(store.get("K")) is None

    def test_get_many_returns_what_is_there(self, store: Store, world: DrivingWorld) -> None:
        world(put(store, "a", b"1"))
        world(fill(store, "c", b"3"))
        assert world(store.get_many(["a", "b", "c", "a"])) == {"a": b"1", "c": b"3"}

    def test_get_many_takes_thousands(self, store: Store, world: DrivingWorld) -> None:
        many = {f"key {number}": str(number).encode() for number in range(3_000)}
        world(store.put_many(many, stamp=5, expires=NEVER))
        world(store.flush())
        assert world(store.get_many([*many, "absent"])) == many

    def test_put_replaces_whatever_is_there(self, store: Store, world: DrivingWorld) -> None:
        world(fill(store, "k", b"filled", stamp=9))
        world(put(store, "k", b"older stamp", stamp=3))
        assert world(store.get("k")) == b"older stamp"
        world(put(store, "k", b"again", stamp=3))
        world(store.flush())
        assert world(store.get("k")) == b"again"

    def test_put_many_puts_each(self, store: Store, world: DrivingWorld) -> None:
        world(fill(store, "a", b"filled", stamp=9))
        world(store.put_many({"a": b"1", "b": b"2"}, stamp=5, expires=NEVER))
        world(store.put_many({}, stamp=5, expires=NEVER))
        world(store.flush())
        assert world(store.get_many(["a", "b"])) == {"a": b"1", "b": b"2"}
        world(fill(store, "a", b"late", stamp=5))
        world(store.flush())
        assert world(store.get("a")) == b"1"

    # -- filling --------------------------------------------------------------------------------

    def test_fill_stores_where_nothing_is(self, store: Store, world: DrivingWorld) -> None:
        assert world(fill(store, "k", b"1", stamp=5))
        assert world(store.get("k")) == b"1"

    @pytest.mark.parametrize("flushed", [True, False])
    @pytest.mark.parametrize(
        ("was_put", "stamp", "stored"),
        [
            (False, 6, True),
            (False, 5, True),
            (False, 4, False),
            (True, 6, True),
            (True, 5, False),
            (True, 4, False),
        ],
    )
    def test_fill_never_replaces_what_is_newer(
        self, store: Store, world: DrivingWorld, was_put: bool, stamp: int, stored: bool, flushed: bool
    ) -> None:
        if was_put:
            world(put(store, "k", b"there", stamp=5))
        else:
            world(fill(store, "k", b"there", stamp=5))
        if flushed:
            world(store.flush())
        # A store that writes later may promise what another process's write then forbids, so the
        # answer counts only as far as it is a refusal; what can be read afterwards always counts.
        answer = world(fill(store, "k", b"new", stamp=stamp))
        assert answer or not stored
        world(store.flush())
        assert world(store.get("k")) == (b"new" if stored else b"there")

    def test_fills_of_one_key_keep_the_newest(self, store: Store, world: DrivingWorld) -> None:
        for stamp in (3, 9, 1, 7, 8):
            world(fill(store, "k", str(stamp).encode(), stamp=stamp))
        assert world(store.get("k")) == b"9"
        world(store.flush())
        assert world(store.get("k")) == b"9"

    def test_stamps_of_real_ledgers_are_compared_exactly(self, store: Store, world: DrivingWorld) -> None:
        stamp = 2**53 - 2
        world(fill(store, "k", b"new", stamp=stamp + 1))
        world(fill(store, "k", b"old", stamp=stamp))
        world(store.flush())
        assert world(store.get("k")) == b"new"

    # -- compare and set ------------------------------------------------------------------------

    @pytest.mark.parametrize("flushed", [True, False])
    @pytest.mark.parametrize(
        ("there", "old", "new", "after"),
        [
            (None, None, b"new", b"new"),
            (None, b"old", b"new", False),
            (None, None, None, None),
            (b"old", b"old", b"new", b"new"),
            (b"old", b"other", b"new", False),
            (b"old", None, b"new", False),
            (b"old", b"old", None, None),
            (b"old", b"other", None, False),
            (b"", b"", b"new", b"new"),
            (b"", None, b"new", False),
        ],
    )
    def test_swap_compares_exactly(
        self,
        store: Store,
        world: DrivingWorld,
        there: bytes | None,
        old: bytes | None,
        new: bytes | None,
        after: bytes | bool | None,
        flushed: bool,
    ) -> None:
        if there is not None:
            world(put(store, "k", there))
        if flushed:
            world(store.flush())
        assert world(swap(store, "k", old, new)) == (after is not False)
        assert world(store.get("k")) == (there if after is False else after)

    def test_what_was_swapped_in_counts_as_put(self, store: Store, world: DrivingWorld) -> None:
        assert world(swap(store, "k", None, b"1", stamp=5))
        world(fill(store, "k", b"late", stamp=5))
        world(store.flush())
        assert world(store.get("k")) == b"1"

    def test_swaps_at_the_same_time_lose_nothing(self, store: Store, world: DrivingWorld) -> None:
        assert _counted(world, store, store, store) == 60

    # -- deleting -------------------------------------------------------------------------------

    @pytest.mark.parametrize("flushed", [True, False])
    def test_delete_says_whether_it_was_there(self, store: Store, world: DrivingWorld, flushed: bool) -> None:
        world(put(store, "k", b"1"))
        world(put(store, "l", b"2"))
        if flushed:
            world(store.flush())
        assert world(store.delete("k"))
        assert not world(store.delete("k"))
        assert not world(store.delete("never"))
        world(store.flush())
        assert world(store.get_many(["k", "l"])) == {"l": b"2"}

    def test_delete_many_counts_what_was_there(self, store: Store, world: DrivingWorld) -> None:
        world(store.put_many({"a": b"1", "b": b"2", "c": b"3"}, stamp=5, expires=NEVER))
        assert world(store.delete_many(["a", "never", "c"])) == 2
        assert world(store.delete_many([])) == 0
        world(store.flush())
        assert world(store.get_many(["a", "b", "c"])) == {"b": b"2"}

    def test_what_was_deleted_can_be_stored_again(self, store: Store, world: DrivingWorld) -> None:
        world(put(store, "k", b"1", stamp=5))
        world(store.delete("k"))
        assert world(fill(store, "k", b"2", stamp=6))
        world(store.flush())
        assert world(store.get("k")) == b"2"

    @pytest.mark.parametrize("flushed", [True, False])
    @pytest.mark.parametrize("prefix", ["a%", "a_", "a", "ключ", "A", "", "a*"])
    def test_clear_takes_what_begins_so_and_nothing_else(
        self, store: Store, world: DrivingWorld, prefix: str, flushed: bool
    ) -> None:
        keys = ["a", "a%b", "axb", "a_b", "ab", "A%", "b", "ba", "ключ:1", "КЛЮЧ", "a*c"]
        for key in keys:
            world(put(store, key, key.encode()))
        if flushed:
            world(store.flush())
        world(store.clear(prefix))
        world(store.flush())
        left = {key: key.encode() for key in keys if not key.startswith(prefix)}
        assert world(store.get_many(keys)) == left

    # -- expiry ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("flushed", [True, False])
    def test_what_expired_is_a_miss(
        self, store: Store, world: DrivingWorld, now: Callable[[], float], flushed: bool
    ) -> None:
        world(put(store, "put", b"1", expires=now() - 1))
        world(fill(store, "filled", b"2", expires=now() - 1))
        world(put(store, "fresh", b"3", expires=now() + 3_600))
        if flushed:
            world(store.flush())
        assert [world(store.get(key)) for key in ("put", "filled", "fresh")] == [None, None, b"3"]
        assert world(store.get_many(["put", "filled", "fresh"])) == {"fresh": b"3"}

    def test_swap_takes_what_expired_for_absent(
        self, store: Store, world: DrivingWorld, now: Callable[[], float]
    ) -> None:
        world(put(store, "k", b"old", expires=now() - 1))
        world(store.flush())
        assert not world(swap(store, "k", b"old", b"wrong"))
        assert world(swap(store, "k", None, b"new"))
        assert world(store.get("k")) == b"new"

    def test_a_put_brings_its_own_expiry(
        self, store: Store, world: DrivingWorld, now: Callable[[], float]
    ) -> None:
        world(put(store, "k", b"1", expires=now() - 1))
        world(put(store, "k", b"2", expires=now() + 3_600))
        world(store.flush())
        assert world(store.get("k")) == b"2"
        world(put(store, "k", b"3", expires=now() - 1))
        assert world(store.get("k")) is None

    # -- the rest -------------------------------------------------------------------------------

    def test_usage_counts(self, store: Store, world: DrivingWorld) -> None:
        world(store.put_many({"a": b"x" * 1_000, "b": b"y" * 1_000}, stamp=5, expires=NEVER))
        world(store.flush())
        usage = store.usage()
        assert all(isinstance(each, int) for each in usage.values())
        if "entries" in usage:
            assert usage["entries"] == 2
        if "bytes" in usage:
            assert usage["bytes"] >= 2_000

    def test_it_can_be_closed_twice(self, store: Store, world: DrivingWorld) -> None:
        world(put(store, "k", b"1"))
        store.close()
        store.close()


class SharedStoreContract(StoreContract):
    """And what it has to do for another process, or another handle, on the same place."""

    @pytest.fixture
    def second(self, store: Store) -> Store:
        """Another handle on the same place: override this, and close it there."""
        raise NotImplementedError

    def test_what_was_flushed_is_seen_by_the_other(
        self, store: Store, second: Store, world: DrivingWorld
    ) -> None:
        world(put(store, "put", b"1"))
        world(fill(store, "filled", b"2"))
        world(store.put_many({"many": b"3"}, stamp=5, expires=NEVER))
        world(store.flush())
        assert world(second.get_many(["put", "filled", "many"])) == {
            "put": b"1",
            "filled": b"2",
            "many": b"3",
        }
        world(put(second, "put", b"back"))
        world(second.flush())
        assert world(store.get("put")) == b"back"

    def test_what_was_deleted_is_gone_for_the_other(
        self, store: Store, second: Store, world: DrivingWorld
    ) -> None:
        world(store.put_many({"a:1": b"1", "a:2": b"2", "b": b"3"}, stamp=5, expires=NEVER))
        world(store.flush())
        assert world(second.delete("b"))
        world(second.clear("a:"))
        world(second.flush())
        assert world(store.get_many(["a:1", "a:2", "b"])) == {}

    @pytest.mark.parametrize("was_put", [True, False])
    def test_a_late_fill_of_the_other_does_not_replace_what_is_newer(
        self, store: Store, second: Store, world: DrivingWorld, was_put: bool
    ) -> None:
        if was_put:
            world(put(store, "k", b"new", stamp=5))
        else:
            world(fill(store, "k", b"new", stamp=6))
        world(store.flush())
        world(fill(second, "k", b"late", stamp=5))
        world(second.flush())
        assert world(store.get("k")) == world(second.get("k")) == b"new"

    def test_fills_of_both_keep_the_newest_in_whichever_order_they_land(
        self, store: Store, second: Store, world: DrivingWorld
    ) -> None:
        world(fill(store, "k", b"old", stamp=5))
        world(fill(second, "k", b"new", stamp=6))
        world(second.flush())
        world(store.flush())
        assert world(store.get("k")) == world(second.get("k")) == b"new"

    def test_swap_compares_with_what_the_other_wrote(
        self, store: Store, second: Store, world: DrivingWorld
    ) -> None:
        world(put(store, "k", b"1"))
        world(store.flush())
        assert world(swap(second, "k", b"1", b"2"))
        assert not world(swap(store, "k", b"1", b"3"))
        assert world(swap(store, "k", b"2", b"3"))
        assert world(second.get("k")) == b"3"

    def test_swaps_of_both_at_the_same_time_lose_nothing(
        self, store: Store, second: Store, world: DrivingWorld
    ) -> None:
        assert _counted(world, store, second, store, second) == 80

    def test_close_flushes(self, store: Store, second: Store, world: DrivingWorld) -> None:
        world(put(store, "k", b"1"))
        store.close()
        assert world(second.get("k")) == b"1"


def _counted(world: DrivingWorld, *stores: Store) -> int:
    """What a counter stands at after each store added 1 to it twenty times, by compare and set."""

    def counting(store: Store) -> Callable[[Runtime], Coroutine[None, None, None]]:
        async def count(_: Runtime) -> None:
            for _number in range(20):
                while True:
                    old = await store.get("count")
                    new = str(int(old or b"0") + 1).encode()
                    if await swap(store, "count", old, new):
                        break

        return count

    world.together(*map(counting, stores))
    return int(world(stores[0].get("count")) or b"0")

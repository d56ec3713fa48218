"""The shared file: what is stored is found, in the order that the port promises."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_tools import FAR, Recorder, SetClock, drive, fill, flush, hold_back_flushers, put, swap
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.backends.file.store import sqlite as file_sqlite
from afresh.backends.file.store import store as file_store
from afresh.backends.file.store.pending import FILL, PUT, Pending, Write
from afresh.backends.file.store.store import FileStore
from afresh.errors import BackendError


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def stores(tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FileStore]]:
    """Two stores on one path, as two processes would have them, that commit only when told to."""
    hold_back_flushers(monkeypatch)
    opened = [FileStore(tmp_path / "store.sqlite", clock=clock) for _ in range(2)]
    yield opened
    for store in opened:
        store.close()


def test_flushed_writes_are_seen_by_others_and_unflushed_ones_only_here(stores: list[FileStore]) -> None:
    here, there = stores
    put(here, "warm", b"")
    put(here, "a", b"1")
    fill(here, "b", b"2")
    assert (here.read("a"), here.read("b")) == (b"1", b"2")
    assert (there.read("a"), there.read("b")) == (None, None)
    flush(here)
    assert drive(there.get_many(["a", "b", "c"])) == {"a": b"1", "b": b"2"}


def test_the_first_put_of_a_process_is_committed_at_once(stores: list[FileStore]) -> None:
    here, there = stores
    put(here, "a", b"1")
    assert there.read("a") == b"1"


def test_the_flusher_commits_by_itself(tmp_path: Path) -> None:
    here, there = (FileStore(tmp_path / "store.sqlite") for _ in range(2))
    put(here, "warm", b"")
    fill(here, "a", b"1")
    thread = here._writer._flusher._thread
    here._writer._flusher._stop.set()  # lets it finish what it was nudged for, or leaves it to close()
    assert thread is not None
    thread.join()
    here.close()
    assert there.read("a") == b"1"
    there.close()


def test_many_writes_are_committed_without_waiting_for_anything(stores: list[FileStore]) -> None:
    here, there = stores
    for number in range(2000):
        fill(here, f"key{number}", b"x" * 100)
    assert there.read("key0") == b"x" * 100
    assert len(here._writer.pending.writes) < 600


@pytest.mark.parametrize("pending", [True, False])
def test_an_expired_entry_is_a_miss(stores: list[FileStore], clock: SetClock, pending: bool) -> None:
    here, _ = stores
    put(here, "warm", b"")
    put(here, "a", b"1", expires=clock.time + 10)
    if not pending:
        flush(here)
    assert here.read("a") == b"1"
    clock.time += 10
    assert here.read("a") is None


# A fill at stamp 5 meets what is there. Whether that waits, is in the file, or was written by another
# process must make no difference to who wins.
MEETINGS = [
    ("fill", 4, FAR, b"new"),
    ("fill", 5, FAR, b"new"),
    ("fill", 6, FAR, b"old"),
    ("put", 4, FAR, b"new"),
    ("put", 5, FAR, b"old"),
    ("put", 6, FAR, b"old"),
    ("put", 6, 1_000_005.0, b"new"),
    ("fill", 6, 1_000_005.0, b"new"),
]


@pytest.mark.parametrize("where", ["pending", "file", "other process"])
@pytest.mark.parametrize(("how", "stamp", "expires", "winner"), MEETINGS)
def test_what_a_fill_may_replace(
    stores: list[FileStore], clock: SetClock, where: str, how: str, stamp: int, expires: float, winner: bytes
) -> None:
    here, there = stores
    put(here, "warm", b"")
    first = there if where == "other process" else here
    (put if how == "put" else fill)(first, "a", b"old", stamp, expires)
    if where != "pending":
        flush(first)
    clock.time += 10
    accepted = fill(here, "a", b"new", 5)
    flush(here)
    assert here.read("a") == there.read("a") == winner
    if where == "pending":
        assert accepted == (winner == b"new")


def test_a_put_replaces_a_higher_stamp(stores: list[FileStore]) -> None:
    here, there = stores
    put(there, "a", b"old", stamp=9)
    put(here, "a", b"new", stamp=1)
    flush(there, here)
    assert here.read("a") == there.read("a") == b"new"


def test_a_fill_that_won_over_a_waiting_put_also_wins_over_the_file(stores: list[FileStore]) -> None:
    here, there = stores
    put(there, "a", b"file", stamp=9)
    flush(there)
    put(here, "warm", b"")
    put(here, "a", b"put", stamp=1)
    assert fill(here, "a", b"fill", stamp=2)
    flush(here)
    assert there.read("a") == b"fill"
    assert fill(there, "a", b"later", stamp=2), "it stands as a fill, not as a put"
    flush(there)
    assert here.read("a") == b"later"


def test_delete_is_exact_and_done_when_it_returns(stores: list[FileStore], clock: SetClock) -> None:
    here, there = stores
    put(here, "a", b"1")
    put(here, "b", b"2")
    put(here, "old", b"3", expires=clock.time + 1)
    flush(here)
    put(here, "waiting", b"4")
    clock.time += 1
    assert drive(there.delete_many(["a", "a", "old", "waiting", "none"])) == 1
    assert here.read("a") is None
    assert drive(here.delete("a")) is False
    assert drive(here.delete("waiting")) is True
    assert here.read("waiting") is None
    flush(here)
    assert there.read("waiting") is None
    assert here.read("b") == b"2"


def test_deleting_more_keys_than_one_statement_takes(stores: list[FileStore]) -> None:
    here, _ = stores
    keys = [f"key{number}" for number in range(700)]
    drive(here.put_many(dict.fromkeys(keys, b"x"), stamp=1, expires=FAR))
    assert drive(here.delete_many(keys)) == 700
    assert drive(here.get_many(keys)) == {}


def test_swap_compares_with_what_is_there(stores: list[FileStore], clock: SetClock) -> None:
    here, there = stores
    assert swap(here, "a", None, None)
    assert not swap(here, "a", b"0", b"1")
    assert swap(here, "a", None, b"1")
    assert not swap(there, "a", None, b"2")
    assert swap(there, "a", b"1", b"2")
    assert not swap(here, "a", b"1", b"3")
    assert not swap(here, "a", b"1", None)
    assert not swap(here, "a", None, None)
    assert swap(here, "a", b"2", None)
    assert here.read("a") is there.read("a") is None
    put(here, "b", b"waiting", expires=clock.time + 5)
    assert swap(here, "b", b"waiting", b"1")
    put(here, "c", b"expired", expires=clock.time + 5)
    clock.time += 5
    assert not swap(here, "c", b"expired", b"1")
    assert swap(here, "c", None, b"2")
    assert there.read("c") == b"2"


def test_a_swapped_value_stands_against_fills_of_its_stamp(stores: list[FileStore]) -> None:
    here, there = stores
    swap(here, "a", None, b"1", stamp=5)
    swap(here, "a", b"1", b"2", stamp=6)
    fill(there, "a", b"fill", stamp=6)
    flush(there)
    assert there.read("a") == b"2"


def test_clear_takes_a_prefix_and_nothing_else(stores: list[FileStore]) -> None:
    here, there = stores
    kept = ["shop", "shoq:1", "Shop:1", "x shop:1", ""]
    gone = [f"shop:{number}" for number in range(3000)] + ["shop:é\x00", "shop:\ud800"]
    drive(there.put_many(dict.fromkeys(kept + gone, b"x"), stamp=1, expires=FAR))
    flush(there)
    put(here, "shop:waiting", b"x")
    drive(here.clear("shop:"))
    flush(here)
    assert set(drive(there.get_many([*kept, *gone, "shop:waiting"]))) == set(kept)
    drive(here.clear(""))
    assert here.usage()["entries"] == 0


@settings(max_examples=20, deadline=None)
@given(keys=st.lists(st.text(st.characters(), max_size=8), unique=True, max_size=8), value=st.binary())
def test_any_text_is_a_key_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], value: bytes
) -> None:
    store = FileStore(tmp_path_factory.mktemp("keys") / "store.sqlite")
    wanted = {key: value + str(number).encode() for number, key in enumerate([*keys, "\ud800", "\udfff"])}
    drive(store.put_many(wanted, stamp=1, expires=FAR))
    flush(store)
    assert drive(store.get_many(list(wanted))) == wanted
    assert drive(store.delete_many(keys)) == len(keys)
    store.close()


def test_keys_of_one_hash_displace_each_other_and_are_never_mistaken(
    stores: list[FileStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    def same(raw: bytes, digest_size: int) -> object:
        return hashlib.blake2b(b"", digest_size=digest_size)

    monkeypatch.setattr(file_sqlite, "blake2b", same)
    monkeypatch.setattr(file_store, "blake2b", same)
    here, there = stores
    put(here, "a", b"1", stamp=9)
    flush(here)
    assert there.read("b") is None
    assert drive(there.delete("b")) is False
    assert not swap(there, "b", b"1", b"2")
    fill(there, "b", b"2", stamp=1)
    flush(there)
    assert (here.read("a"), here.read("b")) == (None, b"2")
    assert swap(here, "a", None, b"3")
    assert (here.read("a"), here.read("b")) == (b"3", None)


@pytest.mark.parametrize("size", [0, 1, 4000, 4096, 100_000, 5_000_000])
def test_values_of_every_size_come_back(stores: list[FileStore], size: int) -> None:
    here, there = stores
    value = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    put(here, "a", value)
    flush(here)
    assert there.read("a") == value


def test_a_value_too_large_for_the_limit_is_refused(tmp_path: Path) -> None:
    recorder = Recorder()
    store = FileStore(tmp_path / "store.sqlite", limit_bytes=4000, events=recorder.events)
    assert fill(store, "a", b"x" * 1001) is False
    assert recorder.reasons() == [("fill-refused", "too large")]
    with pytest.raises(BackendError, match="1,001 bytes"):
        put(store, "a", b"x" * 1001)
    assert store.read("a") is None
    store.close()


def test_usage_counts_few_entries_exactly_and_many_about(stores: list[FileStore]) -> None:
    here, _ = stores
    drive(here.put_many({f"key{n}": b"x" for n in range(4095)}, stamp=1, expires=FAR))
    assert here.usage()["entries"] == 4095
    drive(here.put_many({f"key{n}": b"x" for n in range(12_000)}, stamp=1, expires=FAR))
    assert here.usage()["entries"] == pytest.approx(12_000, rel=0.08)
    assert here.usage()["bytes"] >= 12_000 * 20


def test_after_close_nothing_is_found_and_nothing_can_be_set(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store.sqlite")
    put(store, "a", b"1")
    put(store, "b", b"2")
    store.close()
    store.close()
    assert store.read("a") is None
    assert fill(store, "a", b"1") is False
    for attempt in (
        lambda: put(store, "a", b"1"),
        lambda: drive(store.delete("a")),
        lambda: swap(store, "a", None, b"1"),
    ):
        with pytest.raises(BackendError, match="closed"):
            attempt()
    other = FileStore(tmp_path / "store.sqlite")
    assert other.read("b") == b"2", "closing commits"
    other.close()


def test_a_store_that_is_forgotten_is_closed(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store.sqlite")
    put(store, "warm", b"")
    put(store, "a", b"1")
    writer = store._writer
    del store
    assert writer._closed
    other = FileStore(tmp_path / "store.sqlite")
    assert other.read("a") == b"1"
    other.close()


def test_the_file_is_private(stores: list[FileStore], tmp_path: Path) -> None:
    put(stores[0], "a", b"1")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes


WRITES = st.tuples(st.sampled_from([FILL, PUT]), st.integers(0, 3))


@given(st.lists(WRITES, max_size=6), st.none() | WRITES)
def test_merged_writes_end_like_the_same_writes_one_by_one(
    writes: list[tuple[int, int]], row: tuple[int, int] | None
) -> None:
    def apply(
        row: tuple[int, int, int] | None, kind: int, stamp: int, name: int
    ) -> tuple[int, int, int] | None:
        if row is not None and kind == FILL and row[1] + row[0] > stamp:
            return row
        return kind & PUT, stamp, name

    start = None if row is None else (*row, -1)
    wanted = start
    pending = Pending()
    for name, (kind, stamp) in enumerate(writes):
        wanted = apply(wanted, kind, stamp, name)
        write = Write(str(name).encode(), stamp, FAR, kind)
        if kind == PUT:
            pending.put("a", write)
        else:
            pending.fill("a", write, now=0.0)
    ended = start
    for _, write in pending.take(9, 10**6):
        name = int(write.envelope)
        ended = (write.kind & PUT, write.stamp, name) if write.kind else apply(start, FILL, write.stamp, name)
    assert ended == wanted


def test_pending_counts_its_bytes() -> None:
    pending = Pending()
    pending.put("a", Write(b"x" * 10, 1, FAR, PUT))
    pending.put("a", Write(b"x" * 3, 1, FAR, PUT))
    pending.put("b", Write(b"x" * 4, 1, FAR, PUT))
    assert pending.bytes == 7
    batch = pending.take(1, 100)
    pending.put("a", Write(b"newer", 1, FAR, PUT))
    pending.done(batch)
    assert pending.writes["a"].envelope == b"newer", "what came after the batch is kept"
    assert pending.bytes == 9
    assert [key for key, _ in pending.take(9, 6)] == ["a"], "no more bytes than asked, beyond the first"

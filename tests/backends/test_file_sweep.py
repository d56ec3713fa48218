"""Room in the shared file: expired rows go in small steps, the little used ones when it is too large."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_tools import FAR, Recorder, SetClock, drive, fill, flush, hold_back_flushers, put

from afresh.backends.file.store import writer
from afresh.backends.file.store.store import FileStore
from afresh.backends.file.store.sweep import LOWEST, WINDOW, Removed, Sweeper

MEGABYTE = 2**20


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def store(
    tmp_path: Path, clock: SetClock, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FileStore]:
    hold_back_flushers(monkeypatch)
    opened = FileStore(tmp_path / "store.sqlite", limit_bytes=MEGABYTE, clock=clock, events=recorder.events)
    yield opened
    opened.close()


def connection(store: FileStore) -> sqlite3.Connection:
    database = store._database._current
    assert database is not None
    return database.writer


def rows(store: FileStore, condition: str = "true") -> int:
    (count,) = connection(store).execute(f"SELECT count(*) FROM entry WHERE {condition}").fetchone()
    return int(count)


def test_one_step_looks_at_one_window(store: FileStore, clock: SetClock) -> None:
    drive(store.put_many({f"key{n}": b"x" for n in range(1000)}, stamp=1, expires=clock.time + 1))
    flush(store)
    clock.time += 1
    sweeper, removed, before = Sweeper(MEGABYTE), Removed(), rows(store)
    sweeper.step(connection(store), clock.time, removed, evict=False)
    assert removed.expired == WINDOW
    assert rows(store) == before - WINDOW
    for _ in range(before // WINDOW):
        sweeper.step(connection(store), clock.time, removed, evict=False)
    assert rows(store) == 0
    assert sweeper.hand == LOWEST, "round again"


def test_writing_sweeps_what_has_expired(store: FileStore, clock: SetClock, recorder: Recorder) -> None:
    drive(store.put_many({f"old{n}": b"x" for n in range(2000)}, stamp=1, expires=clock.time + 1))
    flush(store)
    clock.time += 1
    for number in range(20):
        drive(store.put_many({f"new{number}-{n}": b"x" for n in range(100)}, stamp=1, expires=FAR))
        flush(store)
    assert rows(store, f"expires <= {clock.time}") == 0
    assert rows(store) == 2000
    steps = [event.detail["expired"] for event in recorder.seen if event.kind.value == "evict"]
    assert sum(steps) == 2000
    assert max(steps) <= 2 * WINDOW
    assert store.usage()["expired"] == 2000


@pytest.mark.parametrize("size", [50, 1000, 20_000])
def test_entries_never_take_more_than_the_limit(store: FileStore, tmp_path: Path, size: int) -> None:
    for number in range(3 * MEGABYTE // (size + 60)):
        fill(store, f"key{number}", b"x" * size)
        if number % 100 == 0:
            flush(store)
    flush(store)
    usage = store.usage()
    assert usage["bytes"] <= MEGABYTE
    assert usage["evicted"] > 0
    assert usage["bytes"] > MEGABYTE / 4, "and use most of it"
    store.close()
    assert (tmp_path / "store.sqlite").stat().st_size <= 2 * MEGABYTE, "the pages are used again"


def test_what_is_read_stays(store: FileStore, clock: SetClock) -> None:
    hot = [f"hot{n}" for n in range(100)]
    drive(store.put_many(dict.fromkeys(hot, b"x" * 1000), stamp=1, expires=FAR))
    for number in range(4000):
        clock.time += 0.1
        put(store, f"cold{number}", b"x" * 1000)
        if number % 50 == 0:
            flush(store)
            drive(store.get_many(hot))
    flush(store)
    survivors = len(drive(store.get_many(hot)))
    assert survivors >= 95, survivors
    assert len(drive(store.get_many([f"cold{n}" for n in range(100)]))) <= 5


def test_the_log_is_emptied(store: FileStore, tmp_path: Path) -> None:
    for number in range(60):
        drive(
            store.put_many(
                {f"key{n}": b"x" * 500 for n in range(100 * number, 100 * number + 300)}, stamp=1, expires=FAR
            )
        )
        flush(store)
        store.read(f"key{100 * number}")
    assert (tmp_path / "store.sqlite-wal").stat().st_size <= 2 * writer._LOG_BYTES
    store.close()
    assert not (tmp_path / "store.sqlite-wal").exists(), "the last one to close checkpoints"


def test_nothing_is_checkpointed_but_under_the_lock(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite by itself would do it after 1,000 pages, whoever else is writing."""
    monkeypatch.setattr(writer, "_LOG_BYTES", 2**40)
    for number in range(30):
        fill(store, f"key{number}", b"x" * 200_000)
        flush(store)
    assert (tmp_path / "store.sqlite-wal").stat().st_size > 5 * MEGABYTE
    assert (tmp_path / "store.sqlite").stat().st_size < MEGABYTE


def test_a_reader_that_stands_still_delays_the_log_only(store: FileStore, tmp_path: Path) -> None:
    put(store, "a", b"1")
    reader = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM entry").fetchall()
    for number in range(20):
        drive(store.put_many({f"key{n}": b"x" * 500 for n in range(300)}, stamp=1, expires=FAR))
        put(store, "a", str(number).encode())
        flush(store)
    assert store.read("a") == b"19"
    reader.execute("COMMIT")
    for _ in range(20):
        drive(store.put_many({f"key{n}": b"x" * 500 for n in range(300)}, stamp=1, expires=FAR))
        flush(store)
    assert (tmp_path / "store.sqlite-wal").stat().st_size <= 2 * writer._LOG_BYTES
    reader.close()

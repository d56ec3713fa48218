"""The shared file and `os.fork()`: each side has its own connections, and its own pending writes."""

from __future__ import annotations

import os
import sqlite3
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from file_tools import fill, flush, hold_back_flushers, put, swap

from afresh.backends.file.store import commitlock, shared
from afresh.backends.file.store.store import FileStore
from afresh.errors import BackendError

# Python 3.12 warns of any fork with threads; what this backend has open is safe from it.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def in_child(job: Callable[[], object]) -> None:
    """Run `job` in a forked child, and fail where it fails."""
    child = os.fork()
    if child == 0:  # it must leave by os._exit, whatever happens
        code = 1
        try:
            job()
            code = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status == 0


def test_what_is_pending_stays_the_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_back_flushers(monkeypatch)
    store = FileStore(tmp_path / "store.sqlite")
    put(store, "warm", b"")
    put(store, "a", b"parent")

    def job() -> None:
        assert store.read("a") is None
        flush(store)
        store.close()

    in_child(job)
    other = FileStore(tmp_path / "store.sqlite")
    assert other.read("a") is None
    assert store.read("a") == b"parent"
    flush(store)
    assert other.read("a") == b"parent"
    store.close()
    other.close()


def test_both_sides_go_on(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store.sqlite")
    put(store, "a", b"1")
    fill(store, "b", b"1")  # starts the flusher, which the child has to start for itself

    def job() -> None:
        assert store.read("a") == b"1"
        assert swap(store, "a", b"1", b"2")
        fill(store, "child", b"1")
        thread = store._writer._flusher._thread
        assert thread is not None
        assert thread.is_alive()
        store.close()

    in_child(job)
    assert store.read("a") == b"2"
    assert store.read("child") == b"1"
    assert swap(store, "a", b"2", b"3")
    store.close()


def test_a_child_holds_real_locks(tmp_path: Path) -> None:
    """SQLite's own tables would tell a child that it has the parent's locks already."""
    store = FileStore(tmp_path / "store.sqlite")
    put(store, "a", b"1")
    store.read("a")
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store.read("a")
            os.write(ready[1], b"x")
            os.read(go[0], 1)
        finally:
            os._exit(0)
    os.read(ready[0], 1)
    store.close()
    alone = sqlite3.connect(tmp_path / "store.sqlite", timeout=0)
    alone.execute("PRAGMA locking_mode = EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        alone.execute("PRAGMA journal_mode = DELETE")
    alone.close()
    os.write(go[1], b"x")
    os.waitpid(child, 0)
    for end in (*ready, *go):
        os.close(end)


def test_parent_and_child_exclude_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An inherited descriptor would share the parent's lock with the child."""
    monkeypatch.setattr(commitlock, "PATIENCE", 0.05)
    store = FileStore(tmp_path / "store.sqlite")
    put(store, "a", b"1")
    go = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.read(go[0], 1)
            with pytest.raises(BackendError, match="locked by another process"):
                put(store, "a", b"2")
            code = 0
        finally:
            os._exit(code)
    with store._database._lock:
        os.write(go[1], b"x")
        _, status = os.waitpid(child, 0)
    assert status == 0
    for end in go:
        os.close(end)
    store.close()


def read_until(stop: threading.Event, store: FileStore, wrong: list[bytes | None]) -> None:
    while not stop.is_set():
        value = store.read("a")
        if value != b"1":
            wrong.append(value)


def write_until(stop: threading.Event, store: FileStore) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        fill(store, f"key{number % 100}", b"x")
        if number % 10 == 0:
            flush(store)


def test_forking_while_other_threads_read_and_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A writer that never rests may leave no gap, and then the file rests: right, and not what is asked here.
    monkeypatch.setattr(commitlock, "PATIENCE", 60.0)
    monkeypatch.setattr(shared, "_READ_PATIENCE", 60.0)
    store = FileStore(tmp_path / "store.sqlite")
    put(store, "a", b"1")
    stop = threading.Event()
    wrong: list[bytes | None] = []
    threads = [threading.Thread(target=read_until, args=(stop, store, wrong)) for _ in range(2)]
    threads.append(threading.Thread(target=write_until, args=(stop, store)))
    for thread in threads:
        thread.start()

    def job() -> None:
        assert store.read("a") == b"1"
        put(store, "a", b"1")
        flush(store)

    try:
        for _ in range(10):
            in_child(job)
    finally:
        stop.set()
    for thread in threads:
        thread.join(10)
    assert wrong == []
    store.close()


def test_forking_with_two_stores_on_one_path(tmp_path: Path) -> None:
    stores = [FileStore(tmp_path / "store.sqlite") for _ in range(2)]
    for store in stores:
        put(store, "a", b"1")

    def job() -> None:
        assert [store.read("a") for store in stores] == [b"1", b"1"]

    in_child(job)
    for store in stores:
        assert store.read("a") == b"1"
        store.close()

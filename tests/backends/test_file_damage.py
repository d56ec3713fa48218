"""Trouble with the shared file: reads miss and go on, what was set is never lost in silence."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from file_tools import FAR, Recorder, SetClock, drive, fill, flush, hold_back_flushers, put, swap

from afresh.backends.file.store import commitlock, sqlite
from afresh.backends.file.store.shared import LOOK_EVERY
from afresh.backends.file.store.store import FileStore
from afresh.errors import BackendError

KEYS = [f"key{number}" for number in range(500)]


class Scene:
    """Two stores on one path, with a clock and a record of events."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.sqlite"
        self.clock = SetClock()
        self.recorder = Recorder()
        self.here = self.another()
        self.there = self.another()

    def another(self) -> FileStore:
        return FileStore(self.path, clock=self.clock, events=self.recorder.events)

    def fill_up(self) -> None:
        """500 entries, in the log and in the database, read by both."""
        drive(self.here.put_many(dict.fromkeys(KEYS, b"x" * 300), stamp=1, expires=FAR))
        flush(self.here)
        connection = self.here._database._current
        assert connection is not None
        connection.writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        put(self.here, "last", b"in the log")
        flush(self.here)
        assert self.there.read("key1") == self.here.read("key1") == b"x" * 300

    def look_again(self) -> None:
        self.clock.time += LOOK_EVERY

    def aside(self) -> list[Path]:
        return sorted(path for path in self.path.parent.iterdir() if ".damaged-" in path.name)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    hold_back_flushers(monkeypatch)
    made = Scene(tmp_path)
    yield made
    made.here.close()
    made.there.close()


def scribble(path: Path) -> None:
    """Overwrite everything, as another program might: the inode stays."""
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))


def both_work_again(scene: Scene) -> None:
    scene.look_again()
    put(scene.here, "new", b"1")
    flush(scene.here)
    scene.look_again()
    assert scene.here.read("new") == scene.there.read("new") == b"1"
    put(scene.there, "newer", b"2")
    flush(scene.there)
    assert scene.here.read("newer") == b"2"


@pytest.mark.parametrize("first", ["read", "write"])
def test_a_malformed_file_is_moved_aside_and_everybody_follows(
    scene: Scene, first: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene.fill_up()
    scribble(scene.path)
    scribble(scene.path.with_name("store.sqlite-wal"))
    inode = scene.path.stat().st_ino
    if first == "read":
        assert [key for key in KEYS if scene.there.read(key) not in (None, b"x" * 300)] == []
    else:
        put(scene.there, "there", b"kept")
        flush(scene.there)
        assert scene.there.read("there") == b"kept", "what was being written is in the new file"
    assert scene.aside() != []
    assert scene.aside()[0].stat().st_ino == inode
    assert ("damaged", "quarantined") in scene.recorder.reasons()
    assert "is damaged" in caplog.text
    both_work_again(scene)
    assert len([path for path in scene.aside() if not path.name.endswith(("-wal", "-shm"))]) == 1


@pytest.mark.parametrize("content", [b"", b"not a database " * 1000, b"SQLite format 3\0" + bytes(100)])
def test_what_is_no_database_is_moved_aside_when_opened(scene: Scene, content: bytes) -> None:
    scene.path.write_bytes(content)
    assert scene.here.read("a") is None
    both_work_again(scene)
    kept = [path.read_bytes() for path in scene.aside()]
    assert kept == ([content] if content else []), "an empty file is as good as none"


def test_a_foreign_database_is_moved_aside_unchanged(scene: Scene) -> None:
    with sqlite3.connect(scene.path) as foreign:
        foreign.execute("CREATE TABLE theirs (id INTEGER PRIMARY KEY)")
    foreign.close()
    content = scene.path.read_bytes()
    both_work_again(scene)
    assert scene.aside()[0].read_bytes() == content


def test_a_database_of_another_format_is_moved_aside(scene: Scene) -> None:
    put(scene.here, "a", b"1")
    scene.here.close()
    with sqlite3.connect(scene.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert scene.there.read("a") is None
    assert len(scene.aside()) == 1
    with pytest.raises(BackendError):
        put(scene.here, "a", b"1")


def test_a_database_without_its_table_is_moved_aside(scene: Scene) -> None:
    scene.fill_up()
    with sqlite3.connect(scene.path) as connection:
        connection.execute("DROP TABLE entry")
    connection.close()
    assert scene.there.read("key1") is None
    both_work_again(scene)
    assert scene.aside() != []


def test_a_log_truncated_while_open(scene: Scene) -> None:
    scene.fill_up()
    os.truncate(scene.path.with_name("store.sqlite-wal"), 100)
    for store in (scene.here, scene.there):
        answers = {store.read(key) for key in [*KEYS, "last"]}
        assert answers <= {b"x" * 300, b"in the log", None}
    both_work_again(scene)


def test_a_log_truncated_while_nobody_has_it_open(scene: Scene) -> None:
    scene.fill_up()
    folder = scene.path.parent / "copy"
    folder.mkdir()
    for suffix in ("", "-wal"):  # as a killed process leaves them: closing would empty the log
        shutil.copy(scene.path.with_name(scene.path.name + suffix), folder)
    os.truncate(folder / "store.sqlite-wal", 5000)
    other = Scene(folder)
    answers = {other.here.read(key) for key in [*KEYS, "last"]}
    assert answers <= {b"x" * 300, b"in the log", None}
    both_work_again(other)
    other.here.close()
    other.there.close()


def test_only_the_file_that_was_read_from_is_moved_aside(scene: Scene) -> None:
    """A read that began on the old file may fail when the new one is there already."""
    scene.fill_up()
    scribble(scene.path)
    idle = scene.there._database.idle
    cursor = idle.pop()
    scene.there.read("key1")
    both_work_again(scene)
    moved = scene.aside()
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    scene.there._database.read_failed(idle, cursor, error)
    assert scene.aside() == moved
    assert scene.there.read("new") == b"1"


@pytest.mark.parametrize("how", ["file", "folder"])
def test_a_file_that_was_removed_is_made_anew_by_all(
    scene: Scene, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.fill_up()
    if how == "folder":
        shutil.rmtree(scene.path.parent)
        scene.path.parent.mkdir()
    else:
        for suffix in ("", "-wal", "-shm"):
            scene.path.with_name(scene.path.name + suffix).unlink()
    both_work_again(scene)
    assert scene.there.read("key1") is None
    assert scene.aside() == []
    monkeypatch.setattr(commitlock, "PATIENCE", 0.01)
    with locked(scene.path), pytest.raises(BackendError, match="locked"):
        drive(scene.there.delete("new"))


def test_a_database_that_is_gone_leaves_no_log_for_the_next(scene: Scene) -> None:
    """SQLite would share the old log's index between processes on the old and on the new file."""
    scene.fill_up()
    companions = [scene.path.with_name(scene.path.name + suffix) for suffix in ("-wal", "-shm")]
    before = [os.open(path, os.O_RDONLY) for path in companions]  # so that no inode is given out again
    scene.path.unlink()
    both_work_again(scene)
    assert scene.there.read("last") is None
    for path, descriptor in zip(companions, before, strict=True):
        assert path.stat().st_ino != os.fstat(descriptor).st_ino
        os.close(descriptor)


def test_what_was_written_before_a_restart_of_the_machine_is_dropped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.fill_up()
    scene.here.close()
    scene.there.close()
    before = scene.path.stat().st_ino
    monkeypatch.setattr(sqlite, "boot_digest", lambda: 2**64 - 5)
    store = scene.another()
    assert store.read("key1") is None
    put(store, "a", b"1")
    assert scene.aside() == []
    store.close()
    later = scene.another()
    assert later.read("a") == b"1", "the same boot again"
    assert scene.path.stat().st_ino != before or later.read("key1") is None
    later.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """As by a process that was stopped in the middle of a commit."""
    with path.with_name(path.name + "-lock").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def failing_writes(store: FileStore) -> list[Callable[[], object]]:
    return [
        lambda: drive(store.delete("key1")),
        lambda: swap(store, "key1", b"x" * 300, b"2"),
        lambda: drive(store.clear("")),
        lambda: put(store, "b", b"1"),
    ]


def test_a_locked_file_stops_no_reader_and_is_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.fill_up()
    monkeypatch.setattr(commitlock, "PATIENCE", 0.01)
    with locked(scene.path):
        assert fill(scene.there, "a", b"1")
        flush(scene.there)
        assert scene.there.read("a") is None
        (event,) = [event for event in scene.recorder.seen if event.kind.value == "fill-refused"]
        assert "locked by another process" in event.reason
        assert event.detail == {"fills": 1}
        for attempt in failing_writes(scene.there):
            with pytest.raises(BackendError, match="locked by another process"):
                attempt()
        assert scene.there.read("key1") == b"x" * 300
        unopened = scene.another()
        assert unopened.read("key1") is None
        assert unopened.usage()["entries"] == 0
    for store in (scene.there, unopened):
        store._database._rest_until = 0.0  # a second later
    put(scene.there, "b", b"2")
    flush(scene.there)
    assert scene.here.read("b") == unopened.read("b") == b"2"
    unopened.close()


def test_trouble_that_takes_long_is_met_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitlock, "PATIENCE", 0.01)
    put(scene.here, "a", b"1")
    tries: list[float] = []
    acquire = commitlock.CommitLock.acquire

    def counted(lock: commitlock.CommitLock, *arguments: float) -> None:
        tries.append(1.0)
        acquire(lock, *arguments)

    monkeypatch.setattr(commitlock.CommitLock, "acquire", counted)
    with locked(scene.path):
        assert {scene.there.read("a") for _ in range(10)} == {None}
        with pytest.raises(BackendError):
            put(scene.there, "a", b"1")
    assert len(tries) == 1


def limit_pages(store: FileStore, more: int) -> None:
    """Fill the disk, as SQLite sees it."""
    database = store._database._current
    assert database is not None
    (pages,) = database.writer.execute("PRAGMA page_count").fetchone()
    database.writer.execute(f"PRAGMA max_page_count = {pages + more}").fetchone()


def test_a_full_disk(scene: Scene) -> None:
    scene.fill_up()
    limit_pages(scene.here, 0)
    large = b"y" * 50_000
    assert fill(scene.here, "filled", large)
    flush(scene.here)
    assert ("fill-refused", f"{scene.path}: disk full") in scene.recorder.reasons()
    assert scene.here.read("filled") is None
    with pytest.raises(BackendError, match="disk full"):
        put(scene.here, "set", large)
    assert scene.here.read("set") is None, "what raised is not kept"
    assert scene.here.read("key1") == b"x" * 300
    limit_pages(scene.here, 100)
    put(scene.here, "set", large)
    assert scene.there.read("set") == large


def test_what_was_set_before_the_disk_filled_is_kept_and_tried_again(scene: Scene) -> None:
    scene.fill_up()
    put(scene.here, "set", b"y" * 50_000)
    limit_pages(scene.here, 0)
    with pytest.raises(BackendError, match="disk full"):
        flush(scene.here)
    assert scene.here.read("set") == b"y" * 50_000
    assert scene.here._writer._commit_in_background(), "the flusher is to try again"
    limit_pages(scene.here, 100)
    flush(scene.here)
    assert scene.there.read("set") == b"y" * 50_000


def test_values_lost_with_the_store_are_said(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.fill_up()
    put(scene.here, "set", b"y" * 50_000)
    limit_pages(scene.here, 0)
    scene.here.close()
    assert "1 values that were set are lost" in caplog.text


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    recorder = Recorder()
    store = FileStore(tmp_path / "none" / "store.sqlite", events=recorder.events)
    assert store.read("a") is None
    with pytest.raises(BackendError, match="No such file"):
        put(store, "a", b"1")
    fill(store, "a", b"1")
    flush(store)
    assert store.read("a") is None
    assert {kind for kind, _ in recorder.reasons()} == {"bypass", "fill-refused"}
    store.close()


READ_ONLY = """
import os, sys
sys.path[:0] = sys.argv[2:]
from file_tools import FAR, drive, fill, flush, put
from afresh.backends.file.store.store import FileStore
from afresh.errors import BackendError
if os.getuid() == 0:
    os.setuid(65534)
store = FileStore(sys.argv[1])
assert store.read("a") is None
fill(store, "a", b"1")
flush(store)
try:
    put(store, "a", b"1")
except BackendError as error:
    print(error)
store.close()
"""


@pytest.mark.slow
def test_a_read_only_folder(tmp_path: Path) -> None:
    """In a process of its own, since root may write anywhere."""
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o555)
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(folder / "store.sqlite"), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Permission denied" in done.stdout, done.stderr
    assert list(folder.iterdir()) == []


def test_a_read_that_fails_otherwise_is_a_miss(scene: Scene) -> None:
    scene.fill_up()
    (cursor,) = scene.there._database.idle
    cursor.connection.close()
    assert scene.there.read("key1") is None
    assert scene.there.read("key1") == b"x" * 300
    assert scene.aside() == []
    assert scene.recorder.reasons()[0][0] == "bypass"

"""Leases of the file backend: one holder among processes, and nobody waits for a dead one."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_tools import drive

from afresh.backends.file.leases import BUCKETS, FileLease, FileLeases, bucket_of
from afresh.core.ports import Waiter
from afresh.runtime.loop import LoopRuntime
from afresh.runtime.threads import ThreadRuntime

SYNC = ThreadRuntime()


class Announcing(ThreadRuntime):
    """Says when somebody begins to wait in it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Semaphore(0)

    async def wait(self, waiter: Waiter, timeout: float) -> bool:  # noqa: ASYNC109  a port
        self.waiting.release()
        return await super().wait(waiter, timeout)


def take(
    leases: FileLeases, key: str, patience: float = 0.0, runtime: ThreadRuntime = SYNC
) -> FileLease | None:
    return drive(leases.take(key, patience, runtime))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[FileLeases, FileLeases]]:
    """Two tables of one folder: as two processes, since `flock` goes by open file."""
    here, there = FileLeases(tmp_path / "leases"), FileLeases(tmp_path / "leases")
    yield here, there
    here.close()
    there.close()


def held(folder: Path) -> list[str]:
    """The bucket files that somebody holds."""
    found = []
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found.append(path.name)
        finally:
            os.close(descriptor)
    return found


def colliding(key: str) -> str:
    """Another key of the same bucket."""
    return next(f"other{n}" for n in range(10 * BUCKETS) if bucket_of(f"other{n}") == bucket_of(key))


def test_one_holder_at_a_time(pair: tuple[FileLeases, FileLeases]) -> None:
    here, there = pair
    lease = take(here, "a")
    assert lease is not None
    assert take(there, "a") is None
    lease.release()
    lease.release()
    again = take(there, "a")
    assert again is not None
    assert take(here, "a") is None, "a second release gave back nothing"


def test_patience_ends(pair: tuple[FileLeases, FileLeases]) -> None:
    here, there = pair
    lease = take(here, "a")
    began = time.monotonic()
    assert take(there, "a", patience=0.05) is None
    assert 0.04 < time.monotonic() - began < 1.0
    assert lease is not None
    lease.release()


def test_a_release_counts_also_where_the_descriptor_was_copied(tmp_path: Path) -> None:
    """As it is in a child between the fork and its first instruction."""
    leases = FileLeases(tmp_path / "leases")
    lease = take(leases, "a")
    assert lease is not None
    copy = os.dup(leases._buckets[bucket_of("a")].descriptor)
    lease.release()
    assert held(tmp_path / "leases") == []
    os.close(copy)
    leases.close()


def test_who_waits_is_woken_by_the_release(pair: tuple[FileLeases, FileLeases]) -> None:
    here, there = pair
    lease = take(here, "a")
    assert lease is not None
    got: list[FileLease | None] = []
    runtime = Announcing()
    waiting = threading.Thread(target=lambda: got.append(take(there, "a", 10, runtime)))
    waiting.start()
    assert runtime.waiting.acquire(timeout=10)
    began = time.monotonic()
    lease.release()
    waiting.join(10)
    assert time.monotonic() - began < 1.0
    assert isinstance(got[0], FileLease)
    assert take(here, "a") is None, "it really holds it"


def test_a_lock_that_nobody_waits_for_any_more_is_given_back(
    pair: tuple[FileLeases, FileLeases], tmp_path: Path
) -> None:
    here, there = pair
    lease = take(here, "a")
    assert take(there, "a", patience=0.01) is None
    thread = _lease_thread()
    assert lease is not None
    lease.release()
    thread.join(10)
    assert not thread.is_alive()
    assert held(tmp_path / "leases") == []
    assert there._buckets == {}


def test_who_comes_later_joins_the_thread_that_waits(pair: tuple[FileLeases, FileLeases]) -> None:
    here, there = pair
    lease = take(here, "a")
    assert take(there, "a", patience=0.01) is None
    assert take(there, "a", patience=0.01) is None
    assert take(there, "a") is None
    assert there._threads == 1
    assert lease is not None
    lease.release()


def test_a_bucket_held_here_is_shared_by_its_keys(pair: tuple[FileLeases, FileLeases]) -> None:
    here, there = pair
    other = colliding("a")
    outer, inner = take(here, "a"), take(here, other, patience=10)
    assert outer is not None
    assert inner is not None
    outer.release()
    assert take(there, "a") is None, "held until the last of them is released"
    inner.release()
    assert take(there, "a") is not None


def test_keys_of_one_bucket_that_wait_here_all_go_on_together(pair: tuple[FileLeases, FileLeases]) -> None:
    here, there = pair
    lease = take(here, "a")
    assert lease is not None
    got: list[FileLease | None] = []
    runtime = Announcing()

    def wait(key: str) -> None:
        got.append(take(there, key, 10, runtime))

    threads = [threading.Thread(target=wait, args=(key,)) for key in ("a", colliding("a"))]
    for thread in threads:
        thread.start()
        assert runtime.waiting.acquire(timeout=10)
    lease.release()
    for thread in threads:
        thread.join(10)
    assert all(isinstance(each, FileLease) for each in got)
    assert len(got) == 2


def test_tasks_wait_without_stopping_their_loop(pair: tuple[FileLeases, FileLeases]) -> None:
    here, there = pair
    runtime = LoopRuntime()

    async def scenario() -> None:
        lease = take(here, "a")
        assert lease is not None
        waiting = asyncio.create_task(there.take("a", 10, runtime))
        await asyncio.sleep(0)
        assert there._buckets, "the task has begun to wait"
        assert await there.take("a", 0.01, runtime) is None
        lease.release()
        got = await waiting
        assert got is not None
        got.release()

    asyncio.run(scenario())


def test_a_cancelled_task_leaves_nothing_taken(pair: tuple[FileLeases, FileLeases], tmp_path: Path) -> None:
    here, there = pair
    runtime = LoopRuntime()

    async def scenario() -> None:
        lease = take(here, "a")
        assert lease is not None
        waiting = asyncio.create_task(there.take("a", 10, runtime))
        await asyncio.sleep(0)
        assert there._buckets, "the task has begun to wait"
        thread = _lease_thread()
        lease.release()
        thread.join()  # granted, while the task could not run
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(scenario())
    assert held(tmp_path / "leases") == []


def test_a_closed_loop_is_granted_nothing(pair: tuple[FileLeases, FileLeases], tmp_path: Path) -> None:
    here, there = pair
    lease = take(here, "a")
    loop = asyncio.new_event_loop()
    coroutine = there.take("a", 10, LoopRuntime())

    async def begin() -> object:
        return coroutine.send(None)

    loop.run_until_complete(begin())
    thread = _lease_thread()
    loop.close()
    assert lease is not None
    lease.release()
    thread.join(10)
    assert held(tmp_path / "leases") == []
    coroutine.close()


def test_where_no_file_can_be_made_there_is_no_lease(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    leases = FileLeases(tmp_path / "file" / "leases")
    assert take(leases, "a", patience=10) is None
    leases.close()


def test_close_gives_back_everything(tmp_path: Path) -> None:
    leases = FileLeases(tmp_path / "leases")
    lease = take(leases, "a")
    assert held(tmp_path / "leases") != []
    leases.close()
    leases.close()
    assert held(tmp_path / "leases") == []
    assert lease is not None
    lease.release()
    assert take(leases, "a") is None


# Python 3.12 warns of any fork with threads; what this backend has open is safe from it.
FORKS = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@FORKS
def test_a_child_does_not_hold_its_parents_leases(tmp_path: Path) -> None:
    leases = FileLeases(tmp_path / "leases")
    lease = take(leases, "a")
    assert lease is not None
    to_child, to_parent = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:  # it must leave by os._exit, whatever happens
        try:
            lease.release()  # the copy: no business of the child's
            still_held = take(leases, "a") is None
            os.write(to_parent[1], b"held" if still_held else b"free")
            os.read(to_child[0], 1)
            os.write(to_parent[1], b"mine" if take(leases, "a") is not None else b"none")
        finally:
            os._exit(0)
    assert os.read(to_parent[0], 4) == b"held"
    lease.release()  # while the child lives: no copy of the descriptor keeps it locked
    assert held(tmp_path / "leases") == []
    os.write(to_child[1], b"x")
    assert os.read(to_parent[0], 4) == b"mine"
    os.waitpid(child, 0)
    for end in (*to_child, *to_parent):
        os.close(end)
    leases.close()


@FORKS
def test_a_lease_does_not_outlive_its_process_in_a_child(tmp_path: Path) -> None:
    """The child of a holder that dies has a copy of the descriptor, unless it closed it."""
    leases = FileLeases(tmp_path / "leases")
    ready, go = os.pipe(), os.pipe()
    middle = os.fork()
    if middle == 0:
        try:
            take(leases, "a")
            if os.fork() == 0:
                os.write(ready[1], b"x")
                os.read(go[0], 1)
        finally:
            os._exit(0)
    os.read(ready[0], 1)
    os.waitpid(middle, 0)
    assert held(tmp_path / "leases") == []
    os.write(go[1], b"x")
    for end in (*ready, *go):
        os.close(end)
    leases.close()


HOLDER = """
import sys
from afresh.backends.file.leases import FileLeases
from afresh.runtime.threads import ThreadRuntime
leases = FileLeases(sys.argv[1])
coroutine = leases.take("a", float(sys.argv[2]), ThreadRuntime())
try:
    coroutine.send(None)
except StopIteration as stop:
    print("taken" if stop.value is not None else "late", flush=True)
if sys.argv[3] == "stay":
    sys.stdin.read()
"""


def holder(folder: Path, patience: float, then: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(patience), then],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_the_lease_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    with holder(tmp_path / "leases", 0, "stay") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        leases = FileLeases(tmp_path / "leases")
        assert take(leases, "a") is None
        threading.Timer(0.1, process.send_signal, [signal.SIGKILL]).start()
        began = time.monotonic()
        assert take(leases, "a", patience=10) is not None
        assert time.monotonic() - began < 2
        leases.close()


@pytest.mark.slow
def test_a_process_ends_although_a_thread_waits(tmp_path: Path) -> None:
    leases = FileLeases(tmp_path / "leases")
    lease = take(leases, "a")
    assert lease is not None
    with holder(tmp_path / "leases", 0.05, "end") as process:
        out, _ = process.communicate(timeout=20)
    assert out == "late\n"
    assert process.returncode == 0
    leases.close()


def _lease_thread() -> threading.Thread:
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "afresh-lease"]
    return thread

"""The lock of a ledger file: one holder, a holder that stands still, and a file that is gone."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from afresh.backends.file.ledger.writer_lock import LockTrouble, WriterLock

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def lock_of(path: Path) -> WriterLock:
    found = path.stat()
    return WriterLock(path, (found.st_dev, found.st_ino))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"x")
    return tmp_path / "file"


def test_one_at_a_time_across_open_files_and_threads(path: Path) -> None:
    locks = [lock_of(path), lock_of(path)]
    inside, most = [0], [0]

    def work(which: int) -> None:
        for _ in range(50):
            with locks[which % 2].held(5.0, lambda: 0):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_a_holder_that_stands_still_is_trouble_after_the_patience(path: Path) -> None:
    holder, other = lock_of(path), lock_of(path)
    with holder.held(1.0, lambda: 0):
        began = time.monotonic()
        with pytest.raises(LockTrouble, match="still"), other.held(0.02, lambda: 0):
            pass
        assert 0.02 <= time.monotonic() - began < 1.0
    with other.held(0.02, lambda: 0):
        pass


def test_a_holder_that_gets_on_is_waited_for(path: Path) -> None:
    holder, other = lock_of(path), lock_of(path)
    moves = [0]
    held = holder.held(1.0, lambda: 0)
    held.__enter__()

    def moved() -> int:
        moves[0] += 1
        if moves[0] == 20:
            held.__exit__(None, None, None)
        return moves[0]

    with other.held(0.0, moved):
        assert moves[0] >= 20


def test_a_file_that_is_gone_or_exchanged_is_trouble(path: Path) -> None:
    lock = lock_of(path)
    path.rename(path.with_name("elsewhere"))
    with pytest.raises(LockTrouble, match="opened"), lock.held(1.0, lambda: 0):
        pass
    path.write_bytes(b"y")
    with pytest.raises(LockTrouble, match="another"), lock.held(1.0, lambda: 0):
        pass


def test_it_is_free_again_after_an_error_and_after_close(path: Path) -> None:
    lock, other = lock_of(path), lock_of(path)
    with pytest.raises(ZeroDivisionError), lock.held(1.0, lambda: 0):
        raise ZeroDivisionError
    with lock.held(1.0, lambda: 0):
        pass
    lock.close()
    lock.close()
    with other.held(0.0, lambda: 0):
        pass


def test_a_child_does_not_hold_what_its_parent_holds(path: Path) -> None:
    lock = lock_of(path)
    with lock.held(1.0, lambda: 0):
        pid = os.fork()
        if pid == 0:
            lock.after_fork()
            try:
                with lock.held(0.02, lambda: 0):
                    os._exit(1)
            except LockTrouble:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

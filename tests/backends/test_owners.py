"""Who is alive is told by locks."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from afresh.backends.file.ledger.owners import Owners

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def test_an_owner_lives_until_it_closes(tmp_path: Path) -> None:
    one, two = Owners(tmp_path), Owners(tmp_path)
    mine = one.own()
    assert one.own() == mine != two.own()
    assert two.alive(mine)
    assert one.alive(mine)
    one.close()
    one.close()
    assert not two.alive(mine)
    assert not two.alive(12345)


def test_nobody_is_an_owner_before_it_asks(tmp_path: Path) -> None:
    Owners(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_whose_file_is_gone_says_again_that_it_lives(tmp_path: Path) -> None:
    one, two = Owners(tmp_path), Owners(tmp_path)
    mine = one.own()
    next(tmp_path.glob("owner-*")).unlink()
    assert not two.alive(mine)
    assert one.own() == mine
    assert two.alive(mine)


def test_the_dead_are_buried_and_nobody_else(tmp_path: Path) -> None:
    one, two = Owners(tmp_path), Owners(tmp_path)
    mine = one.own()
    (tmp_path / "owner-00000000000000aa").write_bytes(b"")
    (tmp_path / "owner-not-a-number").write_bytes(b"")
    two.bury()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"owner-{mine:016x}", "owner-not-a-number"]


def test_a_killed_process_is_dead_though_its_child_lives(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        owners = Owners(tmp_path)
        owner = owners.own()
        child = os.fork()
        if child == 0:
            owners.after_fork()
            os.write(writing, f"{owner} {os.getpid()}\n".encode())
            time.sleep(60)
            os._exit(0)
        time.sleep(60)
        os._exit(0)
    with os.fdopen(reading) as pipe:
        owner, child = map(int, pipe.readline().split())
        os.close(writing)
    try:
        other = Owners(tmp_path)
        assert other.alive(owner)
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        assert not other.alive(owner)
    finally:
        os.kill(child, signal.SIGKILL)

"""Which file is the ledger, and who makes its successor."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from ledger_tools import ledgers

from afresh.backends.file.ledger.generations import Generations
from afresh.core import words as w
from afresh.core.words import Layout
from afresh.errors import BackendError

SMALL = Layout(slots=4, ring=8, cells=4)


def at(folder: Path, boot: int = 7) -> Generations:
    return Generations(folder, SMALL, boot)


def test_the_first_makes_it_and_the_others_find_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    first, troubles = at(folder).current()
    second, _ = at(folder).current()
    assert troubles == []
    assert (first.number, first.identity) == (1, second.identity)
    assert ledgers(folder) == ["ledger-000001"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert abs(first.words[w.BEGIN] - time.time() * 1e6) < 60e6, "numbers begin with the time in microseconds"


def test_many_who_come_at_once_agree(tmp_path: Path) -> None:
    found: list[tuple[int, int]] = []
    barrier = threading.Barrier(8)

    def open_() -> None:
        barrier.wait()
        found.append(at(tmp_path).current()[0].identity)

    threads = [threading.Thread(target=open_) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert ledgers(tmp_path) == ["ledger-000001"]


def test_a_superseded_file_has_a_successor_with_higher_numbers_and_another_epoch(tmp_path: Path) -> None:
    old, _ = at(tmp_path).current()
    old.log.mark([1, 2, 3])
    old.condemn()
    new, troubles = at(tmp_path).current()
    assert new.number == 2
    assert new.words[w.FLOOR] > old.last_number()
    assert new.words[w.EPOCH] != old.words[w.EPOCH]
    assert old.words[w.BEGIN] == w.CLOSED
    assert troubles
    assert "superseded" in troubles[0]


def test_a_ledger_that_began_below_known_numbers_is_replaced(tmp_path: Path) -> None:
    old, _ = at(tmp_path).current()
    known = old.words[w.BEGIN] + 10**12
    new, _ = at(tmp_path).current(above=known)
    assert new.number == 2
    assert new.words[w.FLOOR] > known


def test_only_the_last_two_files_are_kept(tmp_path: Path) -> None:
    for _ in range(5):
        at(tmp_path).current()[0].condemn()
    newest, _ = at(tmp_path).current()
    assert newest.number == 6
    assert ledgers(tmp_path) == ["ledger-000005", "ledger-000006"]


def test_what_killed_makers_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    old, new = tmp_path / ".ledger-aa.new", tmp_path / ".ledger-bb.new"
    old.write_bytes(b"")
    new.write_bytes(b"")
    os.utime(old, (1.0, 1.0))
    at(tmp_path).current()
    assert not old.exists()
    assert new.exists(), "somebody may be writing it"


def test_other_names_are_left_alone(tmp_path: Path) -> None:
    others = ["ledger-1", "ledger-000009.bak", "store.sqlite3"]
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    assert at(tmp_path).current()[0].number == 1
    assert all((tmp_path / name).read_bytes() == b"mine" for name in others)


def test_it_gives_up_where_every_successor_is_replaced_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Generations, "_succeed", lambda *_: None)
    with pytest.raises(BackendError, match="no ledger"):
        at(tmp_path).current()

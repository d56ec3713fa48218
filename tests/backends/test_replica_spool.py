"""What waits to be delivered is kept whole, seen by all, and never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from afresh.backends.replica import spool as module
from afresh.backends.replica.spool import FileSpool, MemorySpool, Spool


@pytest.fixture(params=["file", "memory"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Spool:
    return FileSpool(tmp_path / "shared") if request.param == "file" else MemorySpool()


def test_what_is_added_waits_until_it_is_removed(spool: Spool) -> None:
    assert spool.empty()
    assert spool.waiting() == []
    spool.add([1, 2**64 - 1])
    spool.add([3])
    assert not spool.empty()
    assert {each.tags for each in spool.waiting()} == {(1, 2**64 - 1), (3,)}
    for each in spool.claim():
        spool.remove(each.name)
    assert spool.empty()
    spool.remove("not there")


def test_very_many_become_one_of_everything(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MANY", 2)
    monkeypatch.setattr(module, "_MANY_TAGS", 3)
    spool.add([1, 2, 3, 4])
    assert [each.tags for each in spool.waiting()] == [None]
    for tag in range(5):
        spool.add([tag])
    assert len(spool.waiting()) == 2


def test_what_is_added_while_everything_is_delivered_waits_on(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MANY_TAGS", 0)
    spool.add([1])
    claimed = spool.claim()
    assert [each.tags for each in claimed] == [None]
    spool.add([2])
    for each in claimed:
        spool.remove(each.name)
    assert [each.tags for each in spool.waiting()] == [None]


def test_files_are_whole_and_outlive_their_process(tmp_path: Path) -> None:
    FileSpool(tmp_path).add([7, 8])
    (tmp_path / ".undelivered-half.new").write_bytes(b"123")
    assert [each.tags for each in FileSpool(tmp_path).waiting()] == [(7, 8)]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("undelivered-*")} == {0o600}


def test_a_folder_that_can_not_be_read_is_not_taken_for_empty(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not FileSpool(tmp_path / "file").empty()
    assert FileSpool(tmp_path / "gone").empty()

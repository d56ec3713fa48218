"""The machine's ledger when its file can't be trusted any more: another takes over, in every process."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ledger_tools import A, B, announce, held, intend, ledgers, machine, settle, valid

from afresh.backends.file.ledger.machine import UNKNOWN
from afresh.core import words as w
from afresh.core.events import Event, Events, Kind
from afresh.errors import BackendError, NotInvalidated
from afresh.runtime.drive import drive

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def write_word(folder: Path, index: int, word: int) -> None:
    with (folder / "ledger-000001").open("r+b") as file:
        file.seek(8 * index)
        file.write(word.to_bytes(8, "little"))


def deleted(folder: Path) -> None:
    shutil.rmtree(folder)


def unlinked(folder: Path) -> None:
    (folder / "ledger-000001").unlink()


def replaced_by_an_empty_copy(folder: Path) -> None:
    (folder / "copy").write_bytes(b"")
    (folder / "copy").rename(folder / "ledger-000001")


def replaced_by_a_full_copy(folder: Path) -> None:
    shutil.copy(folder / "ledger-000001", folder / "copy")
    (folder / "copy").rename(folder / "ledger-000001")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "folder deleted": deleted,
    "file deleted": unlinked,
    "empty copy in its place": replaced_by_an_empty_copy,
    "full copy in its place": replaced_by_a_full_copy,
    "no magic": lambda folder: write_word(folder, w.LIFE, 0),
    "other format": lambda folder: write_word(folder, w.FORMAT_WORD, 99),
    "wrong sizes": lambda folder: write_word(folder, w.RING, 16),
    "numbers out of order": lambda folder: write_word(folder, w.GIVEN, 2**60),
}
ENDS_WITH = {"folder deleted": ["ledger-000001"], "file deleted": ["ledger-000001"]}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_ends_every_older_entry_everywhere(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    remapped: list[memoryview] = []
    told: list[Event] = []
    events = Events()
    events.listen(told.append)
    one, two = machine(folder, on_remap=remapped.append, events=events), machine(folder)
    old, since, epoch = one.words, one.position(), one.epoch
    DAMAGES[damage](folder)
    with caplog.at_level(logging.WARNING, "afresh"):
        drive(one.confirm())
        drive(two.confirm())
    assert ledgers(folder) == ENDS_WITH.get(damage, ["ledger-000001", "ledger-000002"])
    assert caplog.records, "loudly"
    assert [event.kind for event in told] == [Kind.LEDGER]
    assert one.words is remapped[-1] is not old
    assert old[w.BEGIN] == w.CLOSED, "no hit against the old words succeeds"
    assert one.epoch == two.epoch != epoch
    assert one.position() == two.position() > since
    assert not valid(one, A, since)
    fresh = two.position()
    assert valid(one, A, fresh)
    announce(one, A)
    assert not valid(two, A, fresh)


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_invalidation_is_not_lost_in_a_file_that_nobody_reads_any_more(
    damage: str, tmp_path: Path
) -> None:
    """Nothing has noticed yet: the write itself must, before it returns."""
    folder = tmp_path / "shared"
    folder.mkdir()
    one = machine(folder, max_stale=3600.0)
    DAMAGES[damage](folder)
    newcomer = machine(folder)
    since = newcomer.position()
    announce(one, A)
    assert not valid(newcomer, A, since)
    assert valid(newcomer, A, newcomer.position())
    assert one.epoch == newcomer.epoch


def test_a_zeroed_slot_is_found_by_the_reader_who_needs_it(tmp_path: Path) -> None:
    one = machine(tmp_path)
    since = one.position()
    announce(one, *[A] * 20)
    one._mapping.log.words[one._mapping.log.layout.first_slot + (B % 4)] = 0
    assert not valid(one, B, since)
    assert ledgers(tmp_path) == ["ledger-000001", "ledger-000002"]
    assert one.position() > since + 20


def test_a_file_from_before_the_last_start_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = machine(tmp_path).position()
    monkeypatch.setattr("afresh.backends.file.ledger.machine.boot_digest", lambda: 99)
    later = machine(tmp_path)
    assert ledgers(tmp_path) == ["ledger-000001", "ledger-000002"]
    assert later.position() > since
    assert not valid(later, A, since)


def test_a_clock_that_was_set_back_gives_no_number_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(tmp_path)
    since = announce(one, A)
    monkeypatch.setattr("time.time_ns", lambda: 1_000_000)
    shutil.rmtree(tmp_path)
    newcomer = machine(tmp_path)  # knows nothing of the numbers that were given before
    assert newcomer.position() < since
    drive(one.confirm())
    assert one.position() > since
    assert not valid(one, A, since)
    announce(newcomer, A)
    assert newcomer.epoch == one.epoch


def test_intents_go_on_standing_in_the_successor(tmp_path: Path) -> None:
    one, two = machine(tmp_path), machine(tmp_path)
    number = intend(one, A)
    write_word(tmp_path, w.LIFE, 0)
    drive(two.confirm())
    since = two.position()
    assert held(two, A)
    settle(one, number)
    assert not held(two, A)
    assert not valid(two, A, since)


def test_intents_are_written_again_where_the_old_file_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    one = machine(folder)
    number = intend(one, A)
    shutil.rmtree(folder)
    two = machine(folder)
    since = two.position()
    assert not held(two, A)
    drive(one.confirm())
    assert held(two, A), "its owner lives and has said so again"
    settle(one, number)
    assert not held(two, A)
    assert not valid(two, A, since)


def test_intents_of_the_dead_are_announced_by_the_successors_readers(tmp_path: Path) -> None:
    one, two = machine(tmp_path), machine(tmp_path)
    intend(one, A)
    one._owners.close()  # as a killed process does, without a word
    write_word(tmp_path, w.LIFE, 0)
    drive(two.confirm())
    since = two.position()
    drive(two.confirm())
    assert not valid(two, A, since)
    assert not held(two, A)


def test_a_holder_that_stands_still_is_left_behind_and_marks_again_when_it_wakes(tmp_path: Path) -> None:
    stopped, other = machine(tmp_path), machine(tmp_path, patience=0.02)
    since = other.position()
    mapping = stopped._mapping
    publish = mapping.log.publish

    def stands_still(tags: object) -> None:
        if mapping.alive():
            announce(other, B)
            assert other.words is not stopped.words
            assert other.position() > since
        publish(tags)  # type: ignore[arg-type]

    class Stopping(type(mapping.log)):  # type: ignore[misc]
        publish = staticmethod(stands_still)

    mapping.log = Stopping(mapping.words)
    fresh: list[int] = []
    announce(stopped, A)
    fresh.append(other.position())
    assert stopped.epoch == other.epoch
    assert not valid(other, A, fresh[0] - 1), "marked in the file that took over"
    assert mapping.words[w.BEGIN] == w.CLOSED


def test_with_no_folder_to_be_had_reads_prove_nothing_and_writes_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    one = machine(folder)
    old, since = one.words, one.position()
    shutil.rmtree(folder)
    folder.write_text("a file stands in the way")
    with pytest.raises(NotInvalidated):
        announce(one, A)
    assert one.position() == UNKNOWN
    assert not valid(one, A, since)
    assert not valid(one, A, UNKNOWN)
    assert old[w.BEGIN] == w.CLOSED
    drive(one.confirm())
    folder.unlink()
    drive(one.confirm())
    assert one.position() > since
    announce(one, A)


def test_a_folder_that_can_not_be_used_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match="can't be used"):
        machine(tmp_path / "file")


def test_a_child_opens_its_own_lock_and_is_another_owner(tmp_path: Path) -> None:
    parent = machine(tmp_path)
    number = intend(parent, A)
    since = parent.position()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with parent._locked(parent._mapping):  # the parent's lock is free for the child to take
                pass
            announce(parent, B)
            intend(parent, 77)
            os.write(writing, b"ok" if parent._owners.own() and not parent._mine.keys() & {number} else b"no")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"ok"
    assert not valid(parent, B, since)
    assert held(parent, A), "the child's end is not the parent's"
    held(parent, 77)
    assert not valid(parent, 77, since), "but the child's own intent is announced"
    settle(parent, number)

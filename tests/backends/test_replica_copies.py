"""Copies made from snapshots: all that the server knew, and nothing that it did not."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from afresh.backends.file.ledger.mapping import Mapping
from afresh.backends.replica.copies import Copies, FileCopies, PrivateCopies
from afresh.backends.replica.copy import Superseded
from afresh.backends.replica.header import HIT, PENDING
from afresh.backends.replica.remote import NOWHERE, Position, Record, Snapshot, What
from afresh.core.words import BEGIN, BOOT, CLOSED, FLOOR, GIVEN, RESERVED, Damaged
from afresh.errors import BackendError

SLOTS = 16
SNAPSHOT = Snapshot(
    Position(0xE, 500),
    400,
    array("Q", [0, *[450] * 14, 490]).tobytes(),
    (
        Record(410, 410, What.INTENT, (5, 6), 0, 77),
        Record(420, 420, What.INTENT, tuple(range(100, 140)), 0, 78),
    ),
)


@pytest.fixture(params=["file", "private"])
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> Copies:
    return FileCopies(tmp_path / "shared", SLOTS) if request.param == "file" else PrivateCopies(SLOTS)


def proven(copy, tag: int, since: int):  # type: ignore[no-untyped-def]
    return copy.intents.prove(frozenset([tag]), since)


def test_a_copy_holds_what_the_snapshot_says(copies: Copies) -> None:
    copy = copies.put(1, SNAPSHOT, 12.5)
    assert copy is not None
    assert copy.position() == SNAPSHOT.to == copy.last()
    assert copy.heard() == 12.5
    assert copy.trouble_now() == ""
    assert copy.standing() == {(410, 77): (5, 6), (420, 78): tuple(range(100, 140))}
    assert proven(copy, 16, 399) is None, "below the floor"
    assert proven(copy, 16, 400) == (500, False), "of a slot that nobody marked"
    assert proven(copy, 1, 449) is None
    assert proven(copy, 1, 450) == (500, False)
    assert proven(copy, 15, 480) is None
    assert proven(copy, 5, 450) == (500, True)
    assert copy.words[HIT] == CLOSED
    assert copy.words[PENDING]


def test_the_ring_of_a_new_copy_proves_nothing_of_before(copies: Copies) -> None:
    copy = copies.put(1, SNAPSHOT, 0.0)
    assert copy is not None
    copy.apply([Record(501, 501, What.MARK, (31,))])
    assert copy.log.blame(frozenset([31]), 499) is None
    assert copy.log.blame(frozenset([31]), 500) == 31
    assert copy.words[RESERVED] > 501
    assert proven(copy, 15, 495) is None, (
        "31 and 15 share a slot, and the ring can't tell them apart that far back"
    )
    assert proven(copy, 15, 500) == (501, False)


def test_a_server_without_slots_leaves_nothing_older(copies: Copies) -> None:
    copy = copies.put(1, Snapshot(Position(0xE, 500), 500), 0.0)
    assert copy is not None
    assert proven(copy, 1, 499) is None
    assert proven(copy, 1, 500) == (500, False)


@pytest.mark.parametrize(
    "bad",
    [
        SNAPSHOT._replace(to=NOWHERE),
        SNAPSHOT._replace(floor=501),
        SNAPSHOT._replace(slots=b"12345678"),
    ],
)
def test_a_snapshot_that_makes_no_sense_is_refused(bad: Snapshot, copies: Copies) -> None:
    with pytest.raises(BackendError, match="no sense"):
        copies.put(1, bad, 0.0)


def test_many_intents_get_room(copies: Copies) -> None:
    many = tuple(Record(300 + each, 300 + each, What.INTENT, (each + 1,), 0, 9) for each in range(200))
    copy = copies.put(1, SNAPSHOT._replace(intents=many), 0.0)
    assert copy is not None
    assert copy.position() == SNAPSHOT.to
    assert len(copy.standing()) == 200


def test_one_process_puts_it_in_place_and_the_others_find_it(tmp_path: Path) -> None:
    one, two = FileCopies(tmp_path, SLOTS), FileCopies(tmp_path, SLOTS)
    assert one.newest() == (0, None)
    first = one.put(1, SNAPSHOT, 0.0)
    assert two.put(1, SNAPSHOT, 0.0) is None
    number, found = two.newest()
    assert number == 1
    assert found is not None
    assert first is not None
    first.apply([Record(501, 501, What.MARK, (3,))])
    assert found.position() == Position(0xE, 501)
    for generation in (2, 3, 4):
        one.put(generation, SNAPSHOT, 0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy-000003", "copy-000004"]


def test_what_another_boot_or_another_size_left_is_not_used(tmp_path: Path) -> None:
    copy = FileCopies(tmp_path, SLOTS).put(1, SNAPSHOT, 0.0)
    assert copy is not None
    assert FileCopies(tmp_path, 2 * SLOTS).newest() == (1, None)
    copy.words[BOOT] ^= 1
    assert FileCopies(tmp_path, SLOTS).newest() == (1, None)
    (tmp_path / "copy-000002").write_bytes(b"nothing of a ledger")
    assert FileCopies(tmp_path, SLOTS).newest() == (2, None)


def test_a_copy_that_is_over_takes_nothing_and_answers_no_hit(copies: Copies) -> None:
    copy = copies.put(1, SNAPSHOT, 0.0)
    assert copy is not None
    copy.look_at(lambda: True)
    assert copy.words[HIT] == copy.words[BEGIN]
    copy.condemn()
    assert copy.position() == NOWHERE
    with pytest.raises(Superseded):
        copy.apply([Record(501, 501, What.MARK, (3,))])
    copy.shut()
    assert copy.words[HIT] == CLOSED
    assert copy.last() == SNAPSHOT.to


def test_a_writer_that_is_overtaken_while_it_writes_is_told(copies: Copies) -> None:
    copy = copies.put(1, SNAPSHOT, 0.0)
    assert copy is not None
    with pytest.raises(Superseded), copy.held():
        copy.condemn()


def test_hits_that_a_killed_writer_closed_are_opened_again(copies: Copies) -> None:
    copy = copies.put(1, SNAPSHOT, 0.0)
    assert copy is not None
    copy.look_at(lambda: True)
    copy.words[HIT] = CLOSED
    copy.mend()
    assert copy.words[HIT] == 500
    copy.look_at(lambda: False)
    copy.mend()
    assert copy.words[HIT] == CLOSED, "something waits"


def test_a_record_with_wrong_numbers_is_damage(copies: Copies) -> None:
    copy = copies.put(1, SNAPSHOT, 0.0)
    assert copy is not None
    with pytest.raises(Damaged):
        copy.apply([Record(501, 509, What.MARK, (3,))])
    assert copy.words[HIT] == CLOSED


def test_the_floor_is_not_below_what_the_words_may_hold(tmp_path: Path) -> None:
    copy = FileCopies(tmp_path, SLOTS).put(1, SNAPSHOT, 0.0)
    assert copy is not None
    assert copy.words[FLOOR] == 400 <= copy.words[GIVEN]
    assert Mapping(tmp_path / "copy-000001", 1, copy.words[BOOT]).trouble == ""

"""One follower per machine: whoever holds a lock; another when that one is dead or stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from afresh.backends.replica.seats import FileSeats, OnlySeat
from afresh.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(100.0)


def seats(folder: Path, clock: FakeClock) -> FileSeats:
    return FileSeats(folder, now=clock.now, stopped_after=0.75)


def test_one_of_two_sits_and_the_other_when_it_leaves(tmp_path: Path, clock: FakeClock) -> None:
    one, two = seats(tmp_path, clock), seats(tmp_path, clock)
    assert one.take()
    assert one.take()
    assert not two.take()
    one.leave()
    assert two.take()
    assert not one.take()
    two.leave()
    two.leave()


def test_whoever_gives_no_sign_is_joined_and_gets_its_seat_back(tmp_path: Path, clock: FakeClock) -> None:
    one, two, three = (seats(tmp_path, clock) for _ in range(3))
    assert one.take()
    clock.advance(0.5)
    assert not two.take()
    clock.advance(0.5)
    assert two.take()
    assert not three.take()
    assert two.work()
    assert one.work()
    assert not two.work()
    assert not two.take()
    one.leave()


def test_whoever_hears_nothing_of_the_server_is_joined_too(tmp_path: Path, clock: FakeClock) -> None:
    one, two = seats(tmp_path, clock), seats(tmp_path, clock)
    assert one.take()
    for _ in range(4):
        clock.advance(0.25)
        assert one.work(well=False)
    assert two.take()
    assert one.work(well=True)
    assert not two.work()
    one.leave()


def test_an_object_that_is_dropped_frees_its_seat(tmp_path: Path, clock: FakeClock) -> None:
    one, two = seats(tmp_path, clock), seats(tmp_path, clock)
    assert one.take()
    del one
    assert two.take()
    two.leave()


def test_a_seat_whose_file_was_deleted_is_given_up(tmp_path: Path, clock: FakeClock) -> None:
    one = seats(tmp_path, clock)
    assert one.take()
    (tmp_path / "follower-0").unlink()
    assert not one.work()
    assert one.take()
    one.leave()


def test_a_folder_that_can_not_be_written_has_no_seats(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").touch()
    assert not seats(tmp_path / "file", clock).take()


def test_a_child_leaves_the_seat_to_its_parent(tmp_path: Path, clock: FakeClock) -> None:
    one, two = seats(tmp_path, clock), seats(tmp_path, clock)
    assert one.take()
    one.after_fork()
    assert not one.work()
    assert two.take(), "here nobody else had the file open"
    two.leave()


def test_a_process_alone_always_sits() -> None:
    seat = OnlySeat()
    assert seat.take()
    assert seat.work()
    seat.leave()
    seat.after_fork()

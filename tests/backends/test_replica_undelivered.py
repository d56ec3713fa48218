"""Without its server a replica proves nothing, loses no invalidation and serves none of its scope."""

from __future__ import annotations

from pathlib import Path

import pytest
from replica_server import Server
from replica_tools import A, B, Machine, announce, held, intend, settle, valid

from afresh.backends.replica.ledger import UNKNOWN
from afresh.errors import BackendError, NotInvalidated
from afresh.runtime.drive import drive
from afresh.testing.clock import FakeClock

# -- the server is down ---------------------------------------------------------------------------------


def test_a_server_that_is_down_at_the_start_is_no_error(here: Machine, server: Server) -> None:
    server.down = True
    one = here.process()
    assert one.ledger.position() == UNKNOWN
    assert one.ledger.epoch
    assert not one.ledger.proven()
    assert not valid(one.ledger, A, UNKNOWN)
    assert not one.hits(UNKNOWN)
    with pytest.raises(BackendError):
        drive(one.ledger.confirm())
    server.down = False
    one.hear()
    assert one.ledger.proven()
    assert one.ledger.epoch == server.state.epoch
    assert not valid(one.ledger, A, UNKNOWN)


def test_two_ledgers_that_heard_of_no_server_are_not_one(server: Server, tmp_path: Path) -> None:
    server.down = True
    one, two = Machine(server).process(), Machine(server).process()
    assert one.ledger.epoch != two.ledger.epoch


def test_strict_says_that_an_invalidation_was_not_delivered(here: Machine, server: Server) -> None:
    one = here.process(strict=True)
    server.down = True
    with pytest.raises(NotInvalidated):
        announce(one.ledger, A)
    with pytest.raises(NotInvalidated):
        intend(one.ledger, A)
    server.down = False
    one.hear()
    assert valid(one.ledger, A, one.ledger.position()), "and it was not kept"


@pytest.mark.parametrize("shared", [True, False])
def test_an_undelivered_invalidation_is_bypassed_at_once_and_until_it_is_delivered(
    shared: bool, server: Server, clock: FakeClock, here: Machine, there: Machine
) -> None:
    machine = here if shared else Machine(server, None, clock)
    one = machine.process()
    two = machine.process() if shared else one
    other = there.process()
    since = one.ledger.position()
    server.refuses = True
    announce(one.ledger, A)
    assert one.ledger.status()["undelivered"] == 1
    assert one.ledger.status()["bound"] == "open"
    for process in (one, two):
        assert not process.hits(since), "no hit by its comparison alone"
        assert not process.ledger.proven()
        assert not valid(process.ledger, A, process.ledger.position())
        assert valid(process.ledger, B, since)
    clock.advance(1.0)
    two.hear()
    assert not valid(one.ledger, A, one.ledger.position()), "heard, and not delivered yet"
    assert not two.hits(two.ledger.position()), "news do not open the hits"
    server.refuses = False
    clock.advance(1.0)
    two.hear()
    for process in (one, two):
        assert process.ledger.status()["undelivered"] == 0
        assert not valid(process.ledger, A, since)
        assert valid(process.ledger, A, process.ledger.position())
        assert process.hits(process.ledger.position())
        assert process.ledger.proven()
    other.hear()
    assert not valid(other.ledger, A, since)
    if not shared:
        machine.close()


def test_an_undelivered_invalidation_outlives_its_process(
    here: Machine, there: Machine, server: Server
) -> None:
    one, other = here.process(), there.process()
    since = other.ledger.position()
    one.log.cut = True
    announce(one.ledger, A)
    one.ledger.close()
    two = here.process()
    assert not valid(two.ledger, A, two.ledger.position())
    two.hear()
    assert two.ledger.status()["undelivered"] == 0
    other.hear()
    assert not valid(other.ledger, A, since)


def test_an_invalidation_kept_while_there_was_no_copy_is_in_the_next_one(
    here: Machine, server: Server
) -> None:
    server.down = True
    one = here.process()
    announce(one.ledger, A)
    server.down, server.refuses = False, True
    one.hear()
    at = one.ledger.position()
    assert at > UNKNOWN
    assert not valid(one.ledger, A, at)
    assert valid(one.ledger, B, at)
    assert not one.hits(at)


def test_a_lost_answer_marks_twice_and_loses_nothing(here: Machine, there: Machine, clock: FakeClock) -> None:
    one, other = here.process(), there.process()
    since = other.ledger.position()
    one.log.lose_answers = 1
    announce(one.ledger, A)
    assert not valid(one.ledger, A, since)
    one.hear()
    other.hear()
    assert not valid(other.ledger, A, since)
    assert [each.tags for each in here.server.state.records] == [(A,), (A,)]


def test_too_many_undelivered_invalidations_become_one_of_everything(
    here: Machine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.backends.replica.spool._MANY", 3)
    one = here.process()
    since = one.ledger.position()
    server.refuses = True
    for tag in range(10, 20):
        announce(one.ledger, tag)
    assert one.ledger.status()["undelivered"] == 4
    assert not valid(one.ledger, 7, since)
    server.refuses = False
    one.hear()
    assert one.ledger.status()["undelivered"] == 0
    assert not valid(one.ledger, 7, since)
    assert valid(one.ledger, 7, one.ledger.position())


def test_what_can_not_be_kept_either_is_an_error(
    here: Machine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = here.process()
    server.down = True

    def full(tags: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(one.ledger._spool, "add", full)
    with pytest.raises(NotInvalidated, match="neither delivered nor kept"):
        announce(one.ledger, A)


def test_a_process_alone_says_what_ends_with_it(server: Server, clock: FakeClock) -> None:
    alone = Machine(server, None, clock).process()
    server.refuses = True
    announce(alone.ledger, A)
    alone.ledger.close()
    assert any("end with this process" in reason for reason in alone.told)


def test_many_undelivered_invalidations_are_told_of_once(here: Machine, server: Server) -> None:
    one = here.process()
    server.refuses = True
    for tag in range(10, 20):
        announce(one.ledger, tag)
    assert len([reason for reason in one.told if "waits until" in reason]) == 1


class Cancelled(BaseException):
    """What a task that is cancelled meets in the middle of a call."""


def cancelled(*_: object, **__: object) -> None:
    raise Cancelled


@pytest.mark.parametrize("strict", [True, False])
def test_an_announcement_that_is_cancelled_is_delivered_all_the_same(
    strict: bool, here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = here.process(strict=strict)
    since = one.ledger.position()
    with monkeypatch.context() as patch:
        patch.setattr(one.log, "append", cancelled)
        with pytest.raises(Cancelled):
            announce(one.ledger, A)
    assert not valid(one.ledger, A, one.ledger.position())
    one.hear()
    assert not valid(one.ledger, A, since)
    assert valid(one.ledger, A, one.ledger.position())


def test_the_end_of_an_intent_that_is_cancelled_is_written_later(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = here.process()
    since, intent = one.ledger.position(), intend(one.ledger, A)
    with monkeypatch.context() as patch:
        patch.setattr(one.log, "append", cancelled)
        with pytest.raises(Cancelled):
            settle(one.ledger, intent)
    assert held(one.ledger, A)
    one.ledger.look_after()
    assert not held(one.ledger, A)
    assert not valid(one.ledger, A, since)


def test_a_process_that_can_not_share_follows_for_itself(
    tmp_path: Path, server: Server, clock: FakeClock
) -> None:
    (tmp_path / "file").touch()
    one, two = (Machine(server, tmp_path / "file", clock).process() for _ in range(2))
    since = two.ledger.position()
    announce(one.ledger, A)
    assert not valid(one.ledger, A, since)
    two.hear()
    assert not valid(two.ledger, A, since)
    assert two.ledger.status()["ledger_loads"] == 1


def test_a_folder_without_room_is_no_copy_and_no_error(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("afresh.backends.replica.copies.write_new", full)
        one = here.process()
        assert one.ledger.position() == UNKNOWN
        assert not one.ledger.proven()
    one.hear()
    assert one.ledger.proven()

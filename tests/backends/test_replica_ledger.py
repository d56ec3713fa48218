"""A replica under every fault of the server and of the way to it: nothing unproven, nothing dropped needlessly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from replica_server import Server
from replica_tools import A, B, C, Machine, Process, announce, held, intend, settle, valid

from afresh.backends.replica.header import HIT
from afresh.backends.replica.ledger import UNKNOWN
from afresh.backends.replica.remote import NOWHERE, Passage, Position, What
from afresh.core.words import CLOSED
from afresh.errors import BackendError, NotInvalidated
from afresh.runtime.drive import drive
from afresh.testing.clock import FakeClock

Start = Callable[..., Process]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(5_000.0)


@pytest.fixture
def here(server: Server, clock: FakeClock, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(server, tmp_path / "here", clock)
    yield machine
    machine.close()


@pytest.fixture
def there(server: Server, clock: FakeClock, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(server, tmp_path / "there", clock)
    yield machine
    machine.close()


# -- proofs ------------------------------------------------------------------------------------------


def test_nothing_is_proven_once_the_server_was_not_heard_of_for_max_stale(
    here: Machine, clock: FakeClock
) -> None:
    one = here.process(max_stale=1.0)
    since = one.ledger.position()
    clock.advance(0.9)
    assert one.ledger.proven()
    assert valid(one.ledger, A, since)
    clock.advance(0.2)
    assert not one.ledger.proven()
    assert not valid(one.ledger, A, since)
    one.hear()
    assert one.ledger.proven()
    assert valid(one.ledger, A, since), "and it was not dropped"


def test_what_one_process_hears_is_heard_by_all_of_its_machine(here: Machine, clock: FakeClock) -> None:
    one, two = here.process(), here.process()
    clock.advance(5.0)
    one.hear()
    assert two.ledger.proven()


def test_an_answer_counts_from_when_it_was_asked_for(here: Machine, clock: FakeClock) -> None:
    one = here.process(max_stale=1.0)
    since = one.ledger.position()

    def late(passage: Passage) -> Passage:
        clock.advance(3.0)  # the process was stopped between the answer and now
        return passage

    one.log.garble = late
    one.hear()
    assert not one.ledger.proven()
    assert not valid(one.ledger, A, since)


def test_strict_readers_are_served_though_nobody_follows(
    here: Machine, there: Machine, clock: FakeClock
) -> None:
    one, other = here.process(strict=True), there.process()
    since = one.ledger.position()
    clock.advance(5.0)
    number = announce(other.ledger, A)
    assert not valid(one.ledger, B, since)
    assert drive(one.ledger.confirm()) == number
    assert valid(one.ledger, B, since)
    assert not valid(one.ledger, A, since)


def test_a_confirmation_of_nothing_new_is_one_question(here: Machine, server: Server) -> None:
    one = here.process()
    server.asked.clear()
    drive(one.ledger.confirm())
    assert server.asked == {"confirm": 1}


def test_confirm_says_that_the_server_does_not_answer(here: Machine, server: Server) -> None:
    one = here.process()
    server.down = True
    with pytest.raises(BackendError):
        drive(one.ledger.confirm())


def test_reach_catches_up_and_never_raises(here: Machine, there: Machine, server: Server) -> None:
    one, other = here.process(), there.process()
    number = announce(other.ledger, A)
    drive(one.ledger.reach(number))
    assert one.ledger.position() == number
    server.asked.clear()
    drive(one.ledger.reach(number))
    assert server.asked == {}, "nothing is asked for what is here"
    server.down = True
    drive(one.ledger.reach(number + 10))


# -- records -----------------------------------------------------------------------------------------


def test_the_numbers_are_the_servers(here: Machine, there: Machine, server: Server) -> None:
    one, other = here.process(), there.process()
    announce(one.ledger, A, B)
    settle(one.ledger, intend(one.ledger, A, C))
    drive(one.ledger._write(What.EVERYTHING, ()))
    announce(other.ledger, C)
    assert other.ledger.position() == server.state.at == one.ledger.position() + 1
    one.hear()
    assert one.ledger.position() == server.state.at


def test_a_mark_is_seen_by_the_writers_machine_at_once_and_by_others_when_they_hear(
    here: Machine, there: Machine
) -> None:
    one, two, other = here.process(), here.process(), there.process()
    since = one.ledger.position()
    announce(one.ledger, A)
    assert not valid(one.ledger, A, since)
    assert not valid(two.ledger, A, since)
    assert not two.hits(since)
    assert valid(other.ledger, A, since), "within its bound"
    other.hear()
    assert not valid(other.ledger, A, since)
    assert valid(other.ledger, B, since)


def test_everything_marks_everything(here: Machine, there: Machine) -> None:
    one, other = here.process(), there.process()
    since = other.ledger.position()
    drive(one.ledger._write(What.EVERYTHING, ()))
    other.hear()
    assert not valid(other.ledger, A, since)
    assert valid(other.ledger, A, other.ledger.position())


def lost(passage: Passage) -> Passage:
    return passage._replace(records=passage.records[1:])


def doubled(passage: Passage) -> Passage:
    return passage._replace(records=tuple(each for each in passage.records for _ in range(2)))


def turned_round(passage: Passage) -> Passage:
    return passage._replace(records=passage.records[::-1])


def cut_short(passage: Passage) -> Passage:
    return passage._replace(records=passage.records[:1])


def holed(passage: Passage) -> Passage:
    return passage._replace(records=passage.records[:1] + passage.records[2:])


@pytest.mark.parametrize("garble", [lost, doubled, turned_round, cut_short, holed])
def test_messages_that_were_damaged_on_their_way_lose_nothing(
    garble: Callable[[Passage], Passage], here: Machine, there: Machine
) -> None:
    one, other = here.process(), there.process()
    since = one.ledger.position()
    for tag in (A, B, C):
        announce(other.ledger, tag)
    answers = iter([garble])
    one.log.garble = lambda passage: next(answers, lambda same: same)(passage)
    one.hear()
    one.hear()
    assert one.ledger.position() == other.ledger.position()
    assert [tag for tag in (A, B, C) if valid(one.ledger, tag, since)] == []
    assert valid(one.ledger, 7, since)
    assert one.ledger._channel.loads == 1, "a gap is read again, not loaded"


def test_an_old_answer_that_comes_late_changes_nothing(here: Machine, there: Machine) -> None:
    one, other = here.process(), there.process()
    old = here.server.read(Position(one.ledger.epoch, one.ledger.position()))
    since = one.ledger.position()
    announce(other.ledger, A)
    one.hear()
    at = one.ledger.position()
    one.log.garble = lambda _: old
    one.hear()
    assert one.ledger.position() >= at
    assert not valid(one.ledger, A, since)


def test_what_is_still_being_written_blocks_what_comes_after_it(
    here: Machine, there: Machine, server: Server, clock: FakeClock
) -> None:
    one, other = here.process(max_stale=1.0), there.process()
    since = one.ledger.position()
    announce(other.ledger, A)
    announce(other.ledger, B)
    server.hold(since + 1)
    one.hear()
    assert one.ledger.position() == since
    clock.advance(0.6)
    one.hear()
    clock.advance(0.6)
    assert not one.ledger.proven(), "the answers prove nothing while something may be missing"
    server.show()
    one.hear()
    assert one.ledger.proven()
    assert not valid(one.ledger, A, since)
    assert not valid(one.ledger, B, since)


def test_what_never_comes_ends_in_a_snapshot(
    here: Machine, there: Machine, server: Server, clock: FakeClock
) -> None:
    one, other = here.process(max_stale=1.0), there.process()
    since = one.ledger.position()
    announce(other.ledger, A)
    server.hold(since + 1)
    one.hear()
    clock.advance(1.1)
    one.hear()
    assert one.ledger.proven()
    assert not valid(one.ledger, A, since)
    assert valid(one.ledger, B, since)


def test_an_announcement_waits_for_what_was_written_before_it(
    here: Machine, there: Machine, server: Server
) -> None:
    one, other = here.process(), there.process()
    since = one.ledger.position()
    announce(other.ledger, B)
    server.hold(since + 1)
    rests: list[float] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 3:
            server.show()

    one.ledger._channel._rest = rest
    assert announce(one.ledger, A) == server.state.at == one.ledger.position()
    assert len(rests) == 3


# -- another life of the log ---------------------------------------------------------------------------


def test_a_mere_disconnection_drops_nothing(here: Machine, there: Machine, clock: FakeClock) -> None:
    one, other = here.process(), there.process()
    stamps = {tag: one.ledger.position() for tag in range(1, 1_000)}
    one.log.cut = True
    for tag in range(1, 20):
        announce(other.ledger, tag)
    clock.advance(30.0)
    with pytest.raises(BackendError):
        one.hear()
    one.log.cut = False
    one.hear()
    kept = [tag for tag, stamp in stamps.items() if valid(one.ledger, tag, stamp)]
    assert kept == list(range(20, 1_000))
    assert one.ledger._channel.loads == 1


def test_a_trimmed_log_is_loaded_anew_and_slots_tell_what_was_marked(
    here: Machine, there: Machine, server: Server
) -> None:
    one, other = here.process(), there.process()
    words, since, epoch = one.ledger.cell.cell_contents, one.ledger.position(), one.ledger.epoch
    announce(other.ledger, A)
    server.trim()
    announce(other.ledger, C)
    one.hear()
    assert one.ledger.epoch == epoch
    assert one.ledger.position() == server.state.at
    assert not valid(one.ledger, A, since)
    assert not valid(one.ledger, C, since)
    assert valid(one.ledger, B, since), "of the same epoch, above the floor: kept"
    assert one.ledger.cell.cell_contents is not words
    assert words[HIT] == CLOSED


def test_all_processes_go_over_to_the_copy_that_one_of_them_loaded(
    here: Machine, there: Machine, server: Server, clock: FakeClock
) -> None:
    one, two, other = here.process(), here.process(), there.process()
    since = two.ledger.position()
    announce(other.ledger, A)
    server.trim()
    announce(other.ledger, C)
    one.hear()
    clock.advance(0.05)
    assert not two.hits(since)
    assert not valid(two.ledger, A, since)
    assert valid(two.ledger, B, since)
    assert two.ledger.position() == one.ledger.position()
    assert two.ledger._channel.loads == 0


def test_another_epoch_ends_everything_older(here: Machine, server: Server) -> None:
    one = here.process()
    since, epoch = one.ledger.position(), one.ledger.epoch
    server.begin_anew()
    one.hear()
    assert one.ledger.epoch == server.state.epoch != epoch
    assert one.ledger.position() > since
    assert not valid(one.ledger, A, since)
    assert not one.hits(since)
    assert valid(one.ledger, A, one.ledger.position())
    assert any("new life" in reason for reason in one.told)


@pytest.mark.parametrize("first", ["hear", "confirm", "announce"])
def test_a_server_that_was_restarted_from_an_old_snapshot_begins_a_new_life(
    first: str, here: Machine, server: Server
) -> None:
    one = here.process()
    saved = server.save()
    stamp = one.ledger.position()
    announce(one.ledger, A)
    loaded = one.ledger.position()
    server.restore(saved)
    if first == "hear":
        one.hear()
    elif first == "confirm":
        drive(one.ledger.confirm())
    else:
        announce(one.ledger, B)
    assert one.ledger.position() > loaded
    assert not valid(one.ledger, A, stamp)
    assert not valid(one.ledger, A, loaded)
    assert one.ledger.proven()


def test_a_new_life_below_the_old_numbers_is_refused(here: Machine, server: Server) -> None:
    one = here.process()
    since = one.ledger.position()
    server.judge = lambda known: None  # type: ignore[method-assign]
    server.state.epoch, server.state.at = 77, since - 5
    with pytest.raises(BackendError, match="below its old numbers"):
        one.hear()
    assert not one.ledger.proven()
    assert one.ledger.position() == UNKNOWN


def test_a_deleted_folder_is_noticed(here: Machine, server: Server) -> None:
    one = here.process()
    since = one.ledger.position()
    announce(one.ledger, A)
    assert here.folder is not None
    for path in here.folder.iterdir():
        path.unlink()
    here.folder.rmdir()
    one.hear()
    assert one.ledger.position() == server.state.at
    assert not valid(one.ledger, A, since)
    assert valid(one.ledger, B, since)
    assert here.process().ledger.position() == server.state.at


def test_more_intents_than_there_is_room_for_make_room(here: Machine, there: Machine) -> None:
    one, other = here.process(), there.process()
    copy = one.copy
    for cell in range(512):
        copy.words[64 + 16 * cell] = 1  # taken, by nobody that is known
    intend(other.ledger, A)
    one.hear()
    assert held(one.ledger, A)
    assert not held(one.ledger, B)


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


# -- intents ---------------------------------------------------------------------------------------------


def test_an_intent_holds_on_every_machine(here: Machine, there: Machine) -> None:
    one, other = here.process(), there.process()
    intent = intend(one.ledger, A)
    other.hear()
    assert held(other.ledger, A)
    assert not held(other.ledger, B)
    settle(one.ledger, intent, announced=False)
    other.hear()
    assert not held(other.ledger, A)


def test_a_snapshot_carries_the_intents_that_stand(here: Machine, there: Machine) -> None:
    one = here.process()
    intent = intend(one.ledger, A, *range(10, 40))
    other = there.process()
    assert other.ledger.position() == one.ledger.position()
    assert held(other.ledger, A)
    assert held(other.ledger, 39)
    assert not held(other.ledger, B)
    settle(one.ledger, intent)
    other.hear()
    assert not held(other.ledger, 39)


def test_what_a_dead_process_was_about_to_change_is_announced_by_another_of_its_machine(
    here: Machine, there: Machine, clock: FakeClock
) -> None:
    one, two, other = here.process(), here.process(), there.process()
    since = two.ledger.position()
    intend(one.ledger, A)
    other.hear()
    clock.advance(1.0)
    other.hear()
    two.hear()
    assert held(two.ledger, A), "its owner lives"
    one.ledger.close()
    clock.advance(1.0)
    other.hear()
    assert held(other.ledger, A), "of another machine's processes nothing is known"
    two.hear()
    assert not valid(two.ledger, A, since)
    assert not held(two.ledger, A)
    other.hear()
    assert not valid(other.ledger, A, since)


def test_the_intent_of_a_machine_that_is_gone_is_announced_after_a_minute(
    here: Machine, there: Machine, clock: FakeClock
) -> None:
    one, other = here.process(), there.process()
    since = other.ledger.position()
    intent = intend(one.ledger, A)
    for _ in range(59):
        other.hear()
        clock.advance(1.0)
    assert held(other.ledger, A)
    clock.advance(2.0)
    other.hear()
    assert not valid(other.ledger, A, since)
    assert not held(other.ledger, A)
    later = other.ledger.position()
    settle(one.ledger, intent)
    other.hear()
    assert not valid(other.ledger, A, later), "its owner lived: its own announcement counts too"


def test_a_long_intent_that_stands_on_everything_is_announced_so(
    here: Machine, there: Machine, clock: FakeClock
) -> None:
    one, two = here.process(), here.process()
    since = two.ledger.position()
    intend(one.ledger, *range(100, 2_000))
    assert held(two.ledger, 7)
    one.ledger.close()
    clock.advance(1.0)
    two.hear()
    assert not valid(two.ledger, 1_999, since)
    assert not held(two.ledger, 7)


def test_under_bounded_a_transaction_goes_on_without_the_server_and_loses_nothing(
    here: Machine, there: Machine, clock: FakeClock, server: Server
) -> None:
    one, other = here.process(), there.process()
    server.refuses = True
    intent = intend(one.ledger, A)
    assert not valid(one.ledger, A, one.ledger.position()), "bypassed from before the COMMIT on"
    server.refuses = False
    one.hear()
    loaded = one.ledger.position()
    assert valid(one.ledger, A, loaded)
    settle(one.ledger, intent)
    assert not valid(one.ledger, A, loaded), "announced again after the COMMIT"
    other.hear()
    assert not valid(other.ledger, A, loaded)


@pytest.mark.parametrize("strict", [True, False])
def test_the_end_of_an_intent_that_could_not_be_written_is_tried_again(
    strict: bool, here: Machine, server: Server, clock: FakeClock
) -> None:
    one = here.process(strict=strict)
    since = one.ledger.position()
    intent = intend(one.ledger, A)
    server.refuses = True
    if strict:
        with pytest.raises(NotInvalidated):
            settle(one.ledger, intent)
        assert held(one.ledger, A), "strict reads go round it"
    else:
        settle(one.ledger, intent)
        assert not valid(one.ledger, A, one.ledger.position())
    assert one.ledger.status()["unsettled"] == 1
    server.refuses = False
    one.ledger.look_after()
    one.hear()
    assert one.ledger.status()["unsettled"] == 0
    assert not held(one.ledger, A)
    assert not valid(one.ledger, A, since)


def test_an_intent_that_is_not_ones_own_is_not_settled(here: Machine) -> None:
    one = here.process()
    with pytest.raises(NotInvalidated):
        settle(one.ledger, 5)
    assert settle(one.ledger, 5, announced=False) == one.ledger.position()


def test_after_close_nothing_is_written(here: Machine) -> None:
    one = here.process()
    one.ledger.close()
    with pytest.raises(NotInvalidated):
        announce(one.ledger, A)
    assert one.copy.position() != NOWHERE

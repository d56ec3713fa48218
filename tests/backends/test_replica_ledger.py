"""What a replica proves, and what it makes of what the server says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from replica_server import Server
from replica_tools import A, B, C, Machine, announce, intend, settle, valid

from afresh.backends.replica.remote import Passage, Position, What
from afresh.errors import BackendError
from afresh.runtime.drive import drive
from afresh.testing.clock import FakeClock

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


def test_a_long_way_is_gone_in_many_steps(
    here: Machine, there: Machine, server: Server, clock: FakeClock
) -> None:
    one, strict, other = here.process(max_stale=1.0), there.process(strict=True), there.process()
    since = one.ledger.position()
    other.log.cut = strict.log.cut = True
    for number in range(100):
        server.append(What.MARK, (10 + number,), 0, 0)
    server.most = 2
    for _ in range(50):
        clock.advance(0.3)
        one.hear()
    assert one.ledger.position() == server.state.at
    assert one.ledger._channel.loads == 1, "slow is not stuck"
    assert not valid(one.ledger, 109, since)
    strict.log.cut = False
    strict.ledger._channel._rest = lambda seconds: pytest.fail("it got on")
    assert drive(strict.ledger.confirm()) == server.state.at

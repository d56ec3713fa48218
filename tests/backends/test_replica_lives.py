"""A copy that can't be continued: another takes over, and nothing is dropped needlessly."""

from __future__ import annotations

import pytest
from replica_server import Server
from replica_tools import A, B, C, Machine, announce, held, intend, valid

from afresh.backends.replica.header import HIT
from afresh.backends.replica.ledger import UNKNOWN
from afresh.core.words import BEGIN, CLOSED
from afresh.errors import BackendError
from afresh.runtime.drive import drive
from afresh.testing.clock import FakeClock

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


def test_a_thread_that_comes_late_leaves_the_copy_of_another_thread_alone(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look for a successor and its making one, another thread may have made it."""
    channel = here.process().ledger._channel
    faulty, find = channel.copy(), channel.find

    def slowly() -> object:
        found = find()
        monkeypatch.setattr(channel, "find", find)
        drive(channel.load(None, ""))
        return found

    assert faulty is not None
    monkeypatch.setattr(channel, "find", slowly)
    copy = drive(channel.load(faulty, "for this test"))
    assert copy.alive()
    assert copy.words[BEGIN] != CLOSED
    assert (copy, channel.loads) == (channel.copy(), 2)


def test_a_copy_that_another_process_put_at_that_moment_is_the_only_one(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look for a successor and its making one, another process may make it."""
    one, two = here.process(), here.process()
    channel = two.ledger._channel
    newest, looks = channel._copies.newest, []

    def slowly() -> object:
        looks.append(1)
        if len(looks) == 2:
            drive(one.ledger._channel.catch_up())
        return newest()

    assert one.copy is not None
    one.copy.condemn()
    monkeypatch.setattr(channel._copies, "newest", slowly)
    drive(channel.load(None, ""))
    assert len(looks) > 2
    assert one.copy.number == two.copy.number
    since = two.ledger.position()
    announce(one.ledger, A)
    assert not valid(two.ledger, A, since)


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

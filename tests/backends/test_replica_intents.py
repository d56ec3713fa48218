"""Intents on several machines: they hold everywhere, and the dead are spoken for."""

from __future__ import annotations

from typing import Any

import pytest
from replica_server import Server
from replica_tools import A, B, Machine, announce, held, intend, settle, valid

from afresh.backends.replica.remote import NOWHERE, What
from afresh.errors import NotInvalidated
from afresh.testing.clock import FakeClock

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


def test_an_intent_of_a_log_that_was_emptied_is_written_anew(
    here: Machine, there: Machine, server: Server, clock: FakeClock
) -> None:
    one, two, other = here.process(), here.process(), there.process()
    intend(one.ledger, A)
    server.begin_anew()  # as FLUSHALL does: it has forgotten the intent
    for each in (one, two, other):
        each.hear()
    loaded = other.ledger.position()
    assert not held(other.ledger, A)
    one.ledger.look_after()
    other.hear()
    assert held(other.ledger, A)
    one.ledger.close()  # dies after its COMMIT
    clock.advance(1.0)
    two.hear()
    other.hear()
    assert not valid(other.ledger, A, loaded)


@pytest.mark.parametrize("announced", [True, False])
def test_an_intent_that_was_written_anew_is_settled_by_its_old_number(
    announced: bool, here: Machine, there: Machine, server: Server
) -> None:
    one, other = here.process(), there.process()
    intent = intend(one.ledger, A)
    for _ in range(2):
        server.begin_anew()
        one.hear()
        one.ledger.look_after()
        one.ledger.look_after()
    other.hear()
    loaded = other.ledger.position()
    assert held(other.ledger, A)
    settle(one.ledger, intent, announced=announced)
    other.hear()
    assert not held(other.ledger, A)
    assert valid(other.ledger, A, loaded) is not announced
    assert not server.state.intents


def test_an_intent_that_the_server_has_kept_is_not_written_twice(here: Machine, server: Server) -> None:
    one = here.process()
    intent = intend(one.ledger, A)
    kept = dict(server.state.intents)
    server.begin_anew()
    server.state.intents.update(kept)  # as a restart from a snapshot does
    one.hear()
    one.ledger.look_after()
    assert server.state.intents == kept
    settle(one.ledger, intent)
    assert not server.state.intents


def test_an_intent_that_ends_while_it_is_written_anew_is_settled(
    here: Machine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = here.process()
    intent = intend(one.ledger, A)
    server.begin_anew()
    one.hear()
    write = one.ledger._write

    async def then_settled(what: What, *arguments: Any, **options: Any) -> Any:
        record = await write(what, *arguments, **options)
        if what is What.INTENT:
            await one.ledger.settle(intent, announce=True)
        return record

    monkeypatch.setattr(one.ledger, "_write", then_settled)
    one.ledger.look_after()
    one.hear()
    assert not server.state.intents
    assert not held(one.ledger, A)

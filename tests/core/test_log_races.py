"""The ledger's words under every order of readers, writers and deaths; and each defect that this closes."""

from __future__ import annotations

from contextlib import suppress

import ledger_defects as bad
import pytest
from ledger_models import A, B, C
from ledger_scenarios import Parts, Scenario, all_or_nothing, memories, proofs, transactions

from afresh.testing.explorer import ScheduleFailed, explore, replay
from sizes import seed, size

pytestmark = pytest.mark.orders

# Two preemptions find nearly every defect; the long run allows three.
PREEMPTIONS = size(2, 3)
LIMIT = size(1_200, 60_000)

MARKED = frozenset([A])
MANY = frozenset([A, 4, 6])
PROOFS = {
    "one writer": proofs([A], tags=MARKED, before=[]),
    "a neighbour in the slot": proofs([B, C], tags=MARKED, before=[]),
    "marked before, written over now": proofs([B], tags=MANY, before=[A, B, C], slots=1),
    "the ring wraps during the read": proofs([B, C], tags=MARKED, before=[A], ring=2),
    "the ring is one word": proofs([A, B], tags=frozenset([A, 4]), before=[C], ring=1),
    "beyond the ring": proofs([A], tags=MARKED, before=[4, 4], ring=2, slots=4),
    "two writers": proofs([A], [B], tags=MARKED, before=[C], ring=2),
    "two writers, the ring wraps": proofs([B], [C], tags=frozenset([A, 4]), since=1, before=[C, A], ring=2),
}
HIT = memories()
RECHECK = memories(moved=True)
FILL = memories(filled=False)
MEMORIES = {
    "hit": HIT,
    "recheck": RECHECK,
    "fill": FILL,
    "two writers": memories(reads=1, writers=2),
    "hit, the ring wraps": memories(bystanders=3, noise=1, ring=2),
    "fill, the ring is one word": memories(filled=False, bystanders=3, ring=1),
}
WHOLE = {
    "the ring tells": all_or_nothing(ring=4),
    "the slots tell": all_or_nothing(ring=2),
    "another writer finishes": all_or_nothing(ring=2, noise=2),
}
TRANSACTIONS = {
    "hit": transactions(),
    "recheck": transactions(moved=True),
    "fill": transactions(filled=False),
    "the ring wraps": transactions(bystanders=3, ring=1),
    "with a reaper": transactions(reads=1, reaper=True),
}
ALL = {
    f"{title}: {name}": scenario
    for title, scenarios in {
        "what was marked is never proven": PROOFS,
        "no read is older than what was acknowledged before it": MEMORIES,
        "a write is seen whole or not at all": WHOLE,
        "strict reads never pass a standing intent": TRANSACTIONS,
    }.items()
    for name, scenario in scenarios.items()
}


@pytest.mark.parametrize("kills", [0, 1])
@pytest.mark.parametrize("name", ALL)
def test_in_every_order(name: str, kills: int) -> None:
    explored = explore(ALL[name](Parts()), kills=kills, preemptions=PREEMPTIONS, limit=LIMIT, seed=seed())
    assert explored.schedules > 10


@pytest.mark.parametrize("name", ["one writer", "a neighbour in the slot", "marked before, written over now"])
def test_the_smallest_worlds_are_explored_without_any_bound(name: str) -> None:
    explored = explore(PROOFS[name](Parts()))
    assert (explored.complete, explored.failed) == (True, 0)


def test_a_killed_reaper_is_followed_by_another() -> None:
    reaping = transactions(reads=0, reaper=True)
    assert explore(reaping(Parts()), kills=2, preemptions=1, limit=LIMIT, seed=seed()).schedules > 10


OVERWRITTEN = proofs([4], tags=frozenset([A, 8]), before=[A, 4], ring=2)
DEFECTS: dict[str, tuple[dict[str, object], Scenario, int]] = {
    "begin after the slots": ({"log": bad.PublishedAfterTheSlots}, WHOLE["the slots tell"], 1),
    "begin before the ring": ({"log": bad.PublishedBeforeTheRing}, RECHECK, 0),
    "g before the slots": ({"log": bad.GivenBeforeTheSlots}, PROOFS["beyond the ring"], 0),
    "a dead writer's work is not finished": (
        {"log": bad.PredecessorLeftUnfinished},
        WHOLE["another writer finishes"],
        1,
    ),
    "the ring is reserved too late": ({"log": bad.RingReservedTooLate}, OVERWRITTEN, 0),
    "a reservation is taken back": (
        {"log": bad.ReservedForgetsTheDead},
        proofs([4, 4], [4], tags=frozenset([A, 8]), before=[A], ring=2),
        1,
    ),
    "the ring is not looked at again": ({"log": bad.RingNotLookedAtAgain}, OVERWRITTEN, 0),
    "slots are taken for complete": (
        {"log": bad.UnfinishedMarksIgnored},
        PROOFS["beyond the ring"],
        0,
    ),
    "position read after the check": ({"intents": bad.PositionReadAfterTheCheck}, RECHECK, 0),
    "checked_at = present g": ({"memory": bad.CheckedAtThePresentPosition}, RECHECK, 0),
    "fill with the present g": ({"memory": bad.FilledAtThePresentPosition}, FILL, 0),
    "stamp read after the load": ({"memory": bad.StampedAfterTheLoad}, FILL, 0),
    "hits compare with g, not begin": ({"memory": bad.ComparedWithGiven}, WHOLE["the ring tells"], 1),
    "no lock between writers": ({"locked": False}, proofs([A], [B], tags=MARKED, before=[]), 0),
    "held, but checked_at is set": ({"memory": bad.HeldButChecked}, TRANSACTIONS["hit"], 0),
    "filled under an intent": ({"memory": bad.FilledUnderAnIntent}, TRANSACTIONS["fill"], 0),
    "intents read before the position": (
        {"intents": bad.IntentsReadBeforeThePosition},
        TRANSACTIONS["recheck"],
        0,
    ),
    "settled before the cells were read": ({"intents": bad.SettledMeanwhile}, TRANSACTIONS["hit"], 0),
    "the intent's number before its cells": ({"intents": bad.IntentMovesFirst}, TRANSACTIONS["hit"], 0),
    "cleared before announced": ({"intents": bad.ClearedBeforeAnnounced}, TRANSACTIONS["hit"], 0),
    "a dead writer's intent is dropped": ({"intents": bad.DeadButNotAnnounced}, transactions(reads=0), 1),
    "the reaper clears first": ({"intents": bad.ReaperClearsFirst}, transactions(reads=0, reaper=True), 2),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_defect_is_caught(defect: str) -> None:
    changed, scenario, kills = DEFECTS[defect]
    defective = type("Defective", (Parts,), changed)()
    with pytest.raises(ScheduleFailed) as caught:
        explore(scenario(defective), kills=kills, preemptions=3, limit=100_000, seed=seed())
    # Without the defect the same schedule, where its steps exist at all, ends well.
    with suppress(ValueError):
        replay(scenario(Parts()), caught.value.schedule)

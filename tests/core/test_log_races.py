"""The ledger's words under every order of readers, writers and deaths; and each defect that this closes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ledger_models import START, A, B, C, Database, Disk, Memory, T
from sizes import seed, size

from afresh.core import words as w
from afresh.core.intents import Intents
from afresh.core.log import Log
from afresh.core.words import Layout
from afresh.testing.explorer import Explored, ScheduleFailed, explore
from afresh.testing.world import World

EXHAUSTIVE = size(12_000, 400_000)
Scenario = Callable[["Parts"], Callable[[], World]]


class Parts:
    """What a scenario is built from; a defect exchanges one of them."""

    log: type[Log] = Log
    intents: type[Intents] = Intents
    memory: type[Memory] = Memory
    locked = True


def searched(
    scenario: Scenario, parts: type[Parts] = Parts, *, kills: int = 0, limit: int = EXHAUSTIVE
) -> Explored:
    return explore(scenario(parts()), kills=kills, limit=limit, seed=seed())


# -- proofs: what was marked is never proven --------------------------------------------------------


def proofs(
    *writers: list[int], tags: frozenset[int], since: int, before: list[int], slots: int = 2, ring: int = 4
) -> Scenario:
    """One reader proves `tags` while each writer marks its list."""

    def scenario(parts: Parts) -> Callable[[], World]:
        def world() -> World:
            disk = Disk(Layout(slots, ring, 1), before=before, log=parts.log, locked=parts.locked)

            def write(name: str, some: list[int]) -> None:
                with disk.lock(name):
                    disk.writing.mark(some)

            def read() -> None:
                at = disk.reading.prove(tags, START + since)
                assert at is None or not disk.truly_marked(tags, START + since, at), f"proven up to {at}"

            def check() -> None:
                at = disk.reading.prove(tags, START + since)
                assert at is None or not disk.truly_marked(tags, START + since, at), "proven at the end"

            actors = {
                f"writer {i}": (lambda i=i, some=some: write(f"writer {i}", some))
                for i, some in enumerate(writers)
            }
            return World({"reader": read, **actors}, check, disk.on_kill)

        return world

    return scenario


SMALL = {
    "one writer, ring long enough": (proofs([A], tags=frozenset([A]), since=0, before=[]), 0),
    "a neighbour in the slot": (proofs([B, C], tags=frozenset([A]), since=0, before=[]), 0),
    "the ring wraps during the read": (proofs([B, C], tags=frozenset([A]), since=0, before=[A], ring=2), 0),
    "the ring is one word": (proofs([A, B], tags=frozenset([A, 4]), since=0, before=[C], ring=1), 0),
    "marked before, overwritten now": (
        proofs([B], tags=frozenset([A, 4, 6]), since=0, before=[A, B, C], ring=4, slots=1),
        0,
    ),
    "two writers": (proofs([A], [B], tags=frozenset([A]), since=0, before=[C], ring=2), 0),
    "the writer is killed": (proofs([A, B], tags=frozenset([A]), since=0, before=[C], ring=2), 1),
    "killed, and another finishes": (proofs([A], [B], tags=frozenset([A]), since=0, before=[C], ring=2), 1),
    "killed, and the ring wraps": (
        proofs([B], [C], tags=frozenset([A, 4]), since=1, before=[C, A], ring=2),
        1,
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_what_was_marked_is_never_proven_in_any_order(name: str) -> None:
    scenario, kills = SMALL[name]
    explored = searched(scenario, kills=kills)
    assert explored.schedules > 10


# -- memories: no read is older than what was acknowledged before it --------------------------------


def memories(
    *,
    reads: int = 2,
    writers: int = 1,
    bystanders: int = 0,
    noise: int = 0,
    ring: int = 4,
    filled: bool = True,
) -> Scenario:
    """A process reads several times while others commit, mark and acknowledge; `noise` marks other tags."""

    def scenario(parts: Parts) -> Callable[[], World]:
        def world() -> World:
            disk = Disk(Layout(2, ring, 1), log=parts.log, locked=parts.locked)
            database = Database()
            memory = parts.memory(disk, database, bystanders=bystanders)
            if filled:
                memory.value, memory.checked_at = 0, START

            def write(name: str) -> None:
                version = database.commit()
                with disk.lock(name):
                    disk.writing.mark([T] + [B] * noise)
                database.acknowledged = max(database.acknowledged, version)

            def read() -> None:
                for _ in range(reads):
                    memory.read()

            actors = {f"writer {i}": (lambda i=i: write(f"writer {i}")) for i in range(writers)}
            return World({"reader": read, **actors}, lambda: memory.read() and None, disk.on_kill)

        return world

    return scenario


@pytest.mark.parametrize("kills", [0, 1])
@pytest.mark.parametrize(
    "scenario",
    [
        memories(),
        memories(filled=False),
        memories(reads=1, writers=2),
        memories(bystanders=3, noise=1, ring=2),
        memories(filled=False, bystanders=3, ring=1),
    ],
    ids=["hit", "fill", "two writers", "hit, ring wraps", "fill, ring of one"],
)
def test_no_read_is_older_than_what_was_acknowledged_before_it(scenario: Scenario, kills: int) -> None:
    assert searched(scenario, kills=kills).schedules > 10


# -- one write is all or nothing --------------------------------------------------------------------


def all_or_nothing(*, ring: int, noise: int = 0) -> Scenario:
    """Two entries of one write: once one of them is seen to be dropped, the other is dropped as well."""

    def scenario(parts: Parts) -> Callable[[], World]:
        def world() -> World:
            # In slots of their own: a neighbour that is blamed wrongly would look like half a write.
            disk = Disk(Layout(8, ring, 1), before=[4] * 3, log=parts.log)
            database = Database()
            first, second = (parts.memory(disk, database) for _ in "ab")
            first.tags, second.tags = frozenset([1]), frozenset([2])
            for memory, since in ((first, 0), (second, 3)):
                memory.value, memory.checked_at = 0, START + since

            def write(name: str, tags: list[int]) -> None:
                with disk.lock(name):
                    disk.writing.mark(tags)

            def usable(memory: Memory) -> bool:
                return memory.checked_at == memory.position() or memory.recheck()

            def read() -> None:
                if not usable(first):
                    assert not usable(second), "half of a write is seen"

            actors = {"reader": read, "writer": lambda: write("writer", [1, 2])}
            if noise:
                actors["other"] = lambda: write("other", [4] * noise)
            return World(actors, on_kill=disk.on_kill)

        return world

    return scenario


@pytest.mark.parametrize(
    "scenario", [all_or_nothing(ring=2), all_or_nothing(ring=4), all_or_nothing(ring=2, noise=2)]
)
def test_a_killed_write_is_seen_as_a_whole_or_not_at_all(scenario: Scenario) -> None:
    assert searched(scenario, kills=1).schedules > 10


# -- ring and intents in one model --------------------------------------------------------------------


def transactions(
    *, reads: int = 2, filled: bool = True, bystanders: int = 0, ring: int = 4, reaper: bool = False
) -> Scenario:
    """Intent, COMMIT, announce and clear, against a strict reader: nothing older than the database at its start."""

    def scenario(parts: Parts) -> Callable[[], World]:
        def world() -> World:
            disk = Disk(Layout(2, ring, 1), log=parts.log, intents=parts.intents)
            database = Database()
            memory = parts.memory(disk, database, strict=True, bystanders=bystanders)
            if filled:
                memory.value, memory.checked_at = 0, START

            def transact() -> None:
                with disk.lock("writer"):
                    number = disk.writing_intents.open(7, [T])
                database.commit()
                with disk.lock("writer"):
                    disk.writing_intents.settle(7, number, [T])

            def read() -> None:
                for _ in range(reads):
                    memory.read()

            def reap() -> None:
                if "writer" in disk.dead and disk.reading_intents.owners():
                    with disk.lock("reaper"):
                        disk.writing_intents.bequeath({7})

            def check() -> None:
                reap()
                assert memory.read() == database.version

            actors = {"reader": read, "writer": transact}
            if reaper:
                actors["reaper"] = reap
            return World(actors, check, disk.on_kill)

        return world

    return scenario


@pytest.mark.parametrize("kills", [0, 1])
@pytest.mark.parametrize(
    "scenario",
    [
        transactions(),
        transactions(filled=False),
        transactions(bystanders=3, ring=1),
        transactions(reads=1, reaper=True),
    ],
    ids=["hit", "fill", "the ring wraps", "with a reaper"],
)
def test_strict_reads_never_pass_a_standing_intent(scenario: Scenario, kills: int) -> None:
    assert searched(scenario, kills=kills).schedules > 10


def test_a_killed_reaper_is_followed_by_another() -> None:
    assert searched(transactions(reads=0, reaper=True), kills=2).schedules > 10


# -- every defect, put back -------------------------------------------------------------------------


class PublishedAfterTheSlots(Log):
    """BEGIN moves only when the slots are written: half a write can be seen."""

    def publish(self, tags):  # type: ignore[no-untyped-def]
        words, given = self.words, self.words[w.GIVEN]
        words[w.RESERVED] = max(words[w.RESERVED], given + len(tags))
        for number, tag in enumerate(tags, given + 1):
            words[self._first_ring + number % self._ring] = tag
        for number, tag in enumerate(tags, given + 1):
            words[self._first_slot + (tag & self._slot_mask)] = number
        words[w.BEGIN] = given + len(tags)
        words[w.GIVEN] = given + len(tags)


class PublishedBeforeTheRing(Log):
    """BEGIN moves before the ring has the tags."""

    def publish(self, tags):  # type: ignore[no-untyped-def]
        words, given = self.words, self.words[w.GIVEN]
        words[w.RESERVED] = max(words[w.RESERVED], given + len(tags))
        words[w.BEGIN] = given + len(tags)
        for number, tag in enumerate(tags, given + 1):
            words[self._first_ring + number % self._ring] = tag
        self.finish()


class GivenBeforeTheSlots(Log):
    """GIVEN moves before the slots have the tags."""

    def finish(self) -> None:
        words = self.words
        given, begin = words[w.GIVEN], words[w.BEGIN]
        if begin != given:
            words[w.GIVEN] = begin
        for number in range(given + 1, begin + 1):
            tag = words[self._first_ring + number % self._ring]
            words[self._first_slot + (tag & self._slot_mask)] = number


class PredecessorLeftUnfinished(Log):
    """A writer begins where the last one published, and not with what that one left undone."""

    def mark(self, tags):  # type: ignore[no-untyped-def]
        self.words[w.GIVEN] = self.words[w.BEGIN]
        return super().mark(tags)


class RingReservedTooLate(Log):
    """RESERVED moves after the ring was written over."""

    def publish(self, tags):  # type: ignore[no-untyped-def]
        words, given = self.words, self.words[w.GIVEN]
        for number, tag in enumerate(tags, given + 1):
            words[self._first_ring + number % self._ring] = tag
        words[w.RESERVED] = max(words[w.RESERVED], given + len(tags))
        words[w.BEGIN] = given + len(tags)
        self.finish()


class ReservedForgetsTheDead(Log):
    """RESERVED is set back to what this writer needs, though a dead one wrote over more."""

    def publish(self, tags):  # type: ignore[no-untyped-def]
        self.words[w.RESERVED] = self.words[w.GIVEN]
        super().publish(tags)


class RingNotLookedAtAgain(Log):
    """The reader doesn't ask whether what it read had been written over."""

    def _covers(self, since: int) -> bool:
        return True


class UnfinishedMarksIgnored(Log):
    """The reader takes the slots for complete."""

    def _suspects(self, tags, since, at):  # type: ignore[no-untyped-def]
        return [tag for tag in tags if self.words[self._first_slot + (tag & self._slot_mask)] > since]


class PositionReadAfterTheCheck(Intents):
    """What was proven for one position is taken for proven at a later one."""

    def prove(self, tags: frozenset[int], since: int) -> tuple[int, bool] | None:
        proven = super().prove(tags, since)
        return None if proven is None else (self._words[w.BEGIN], proven[1])


class FilledAtThePresentPosition(Memory):
    """A fill is taken for checked at the position of the fill, not of its load's beginning."""

    def fill(self, value: int, stamp: int) -> None:
        self.value, self.checked_at = value, self.position()


class CheckedAtThePresentPosition(Memory):
    """A recheck is remembered at the position that is present afterwards."""

    def recheck(self) -> bool:
        checked = super().recheck()
        self.checked_at = self.position()
        return checked


class StampedAfterTheLoad(Memory):
    """The stamp is read when the load has ended."""

    def load(self) -> int:
        value = self.database.read()
        self.fill(value, self.position())
        return value


class ComparedWithGiven(Memory):
    """Hits compare with the position that is complete, not with the one that is published."""

    def position(self) -> int:
        return self.disk.reading.words[w.GIVEN]


class HeldButChecked(Memory):
    """An entry under a standing intent is remembered as checked."""

    def recheck(self) -> bool:
        proven = self.disk.reading_intents.prove(self.tags, self.checked_at)
        if proven is None:
            return False
        self.checked_at = proven[0]
        return not proven[1]


class FilledUnderAnIntent(Memory):
    """A value about to change is kept."""

    def fill(self, value: int, stamp: int) -> None:
        if self.disk.reading_intents.prove(self.tags, stamp) is not None:
            self.value, self.checked_at = value, stamp


class IntentsReadBeforeThePosition(Intents):
    """The cells are looked at before the position for which they are to hold."""

    def prove(self, tags: frozenset[int], since: int) -> tuple[int, bool] | None:
        held = bool(self._words[w.STANDING]) and self.standing(-2).holds(tags)
        at = self._log.prove(tags, since)
        return None if at is None else (at, held)


class SettledMeanwhile(Intents):
    """The reader doesn't ask whether an intent was announced and cleared before it looked at the cells."""

    def prove(self, tags: frozenset[int], since: int) -> tuple[int, bool] | None:
        at = self._log.prove(tags, since)
        if at is None:
            return None
        return at, bool(self._words[w.STANDING]) and self.standing(at).holds(tags)


class IntentMovesFirst(Intents):
    """The log moves to the intent's number before the cells say what it is about."""

    def open(self, owner, tags, number=None):  # type: ignore[no-untyped-def]
        moved = self._log.move()
        self._write(0, moved, owner, len(tags), tags)
        self.recount()
        return moved


class ClearedBeforeAnnounced(Intents):
    """The intent is gone before its tags are marked."""

    def settle(self, owner, number, announce=()):  # type: ignore[no-untyped-def]
        self._clear({(number, owner)})
        return self._log.mark(announce)


class DeadButNotAnnounced(Intents):
    """Whoever clears a dead owner's intent takes it for rolled back."""

    def bequeath(self, dead):  # type: ignore[no-untyped-def]
        return self._clear({(self._words[w.HEADER + w.NUMBER], owner) for owner in dead})


class ReaperClearsFirst(Intents):
    """A reaper that is killed leaves neither the intent nor its announcement."""

    def bequeath(self, dead):  # type: ignore[no-untyped-def]
        self._clear({(self._words[w.HEADER + w.NUMBER], owner) for owner in dead})
        return self._log.mark([T])


HIT = memories()
FILL = memories(filled=False)
UNSEEN_RING = memories(bystanders=0, noise=1, ring=1)
DEFECTS: dict[str, tuple[dict[str, object], Scenario, int]] = {
    "begin after the slots": ({"log": PublishedAfterTheSlots}, all_or_nothing(ring=2), 1),
    "begin before the ring": ({"log": PublishedBeforeTheRing}, HIT, 0),
    "g before the slots": (
        {"log": GivenBeforeTheSlots},
        proofs([A, B], tags=frozenset([A]), since=0, before=[], ring=2, slots=4),
        0,
    ),
    "a dead writer's work is not finished": (
        {"log": PredecessorLeftUnfinished},
        all_or_nothing(ring=2, noise=2),
        1,
    ),
    "the ring is reserved too late": (
        {"log": RingReservedTooLate},
        proofs([4], tags=frozenset([A, 8]), since=0, before=[A, 4], ring=2),
        0,
    ),
    "a reservation is taken back": (
        {"log": ReservedForgetsTheDead},
        proofs([4, 4], [4], tags=frozenset([A, 8]), since=0, before=[A], ring=2),
        1,
    ),
    "the ring is not looked at again": (
        {"log": RingNotLookedAtAgain},
        proofs([4], tags=frozenset([A, 8]), since=0, before=[A, 4], ring=2),
        0,
    ),
    "slots are taken for complete": (
        {"log": UnfinishedMarksIgnored},
        proofs([4, A], tags=frozenset([A]), since=0, before=[4], ring=2),
        0,
    ),
    "position read after the check": ({"log": PositionReadAfterTheCheck}, HIT, 0),
    "checked_at = present g": ({"memory": CheckedAtThePresentPosition}, HIT, 0),
    "fill with the present g": ({"memory": FilledAtThePresentPosition}, FILL, 0),
    "stamp read after the load": ({"memory": StampedAfterTheLoad}, FILL, 0),
    "hits compare with g, not begin": ({"memory": ComparedWithGiven}, all_or_nothing(ring=4), 1),
    "no lock between writers": (
        {"locked": False},
        proofs([A], [B], tags=frozenset([A]), since=0, before=[]),
        0,
    ),
    "held, but checked_at is set": ({"memory": HeldButChecked}, transactions(), 0),
    "filled under an intent": ({"memory": FilledUnderAnIntent}, transactions(filled=False), 0),
    "intents read before the position": ({"memory": IntentsReadBeforeThePosition}, transactions(), 0),
    "the intent's number before its cells": ({"intents": IntentMovesFirst}, transactions(), 0),
    "cleared before announced": ({"intents": ClearedBeforeAnnounced}, transactions(), 0),
    "a dead writer's intent is dropped": ({"intents": DeadButNotAnnounced}, transactions(reads=0), 1),
    "the reaper clears first": ({"intents": ReaperClearsFirst}, transactions(reads=0, reaper=True), 2),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_defect_is_caught(defect: str) -> None:
    changed, scenario, kills = DEFECTS[defect]
    searched(scenario, kills=kills, limit=2_000)
    with pytest.raises(ScheduleFailed):
        searched(scenario, type("Defective", (Parts,), changed), kills=kills, limit=10 * EXHAUSTIVE)

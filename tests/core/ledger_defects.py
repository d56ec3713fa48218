"""Every defect that the order of the ledger's words closes, each as a small exchange of one part."""

from __future__ import annotations

from ledger_models import Memory, T

from afresh.core import words as w
from afresh.core.intents import Intents
from afresh.core.log import Log


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

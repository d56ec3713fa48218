"""Ledgers with one planted defect each."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Sequence
from typing import Any

from afresh.core.ports import Proof
from afresh.testing.reference import ReferenceLedger


def another_thread_comes() -> None:
    threading.Event().wait(0.0001)


class ForgetsLastTag(ReferenceLedger):
    def _mark(self, tags: Sequence[int]) -> int:
        super()._mark(tags[:-1])
        self._history.position += 1
        return self._history.position


class MarksFirstTagOnly(ReferenceLedger):
    def _mark(self, tags: Sequence[int]) -> int:
        return super()._mark(tags[:1])


class MarksTheStampItself(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        return super().prove(tags, since - 1)


class MissesTheNextNumber(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        return super().prove(tags, since + 1)


class StandsStill(ReferenceLedger):
    def _mark(self, tags: Sequence[int]) -> int:
        position = self._history.position
        super()._mark(tags)
        self._history.position = position
        return position + 1


class ProvesNothing(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        return None


class ProvesEverything(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        return super().prove(tags, self.position())


class InvalidatesEverything(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        return super().prove(tags, since) if since == self.position() or not tags else None


class ForgetsOldMarks(ReferenceLedger):
    def _mark(self, tags: Sequence[int]) -> int:
        position = super()._mark(tags)
        del self._history.log[:-2_000]
        return position


class ChecksFirstTags(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        return super().prove(frozenset(sorted(tags)[:64]), since)


class ProvesUpToTheStamp(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        proof = super().prove(tags, since)
        return None if proof is None else proof._replace(at=since)


class BlamesAnyone(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        return None if super().blame(tags, since) else Proof(self.position(), self._held(tags))

    def _held(self, tags: frozenset[int]) -> bool:
        return any(tags & intended for intended in self._history.intents.values())

    def blame(self, tags: frozenset[int], since: int) -> int | None:
        return min(tags)


class ConfirmsTooLittle(ReferenceLedger):
    async def confirm(self) -> int:
        return self._history.position - 1


class ChangesItsEpoch(ReferenceLedger):
    @property
    def epoch(self) -> int:
        return self._history.position


class HoldsNothing(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        proof = super().prove(tags, since)
        return None if proof is None else proof._replace(held=False)


class HoldsEverything(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        proof = super().prove(tags, since)
        return None if proof is None else proof._replace(held=bool(self._history.intents))


class IntentMarks(ReferenceLedger):
    async def intend(self, tags: Sequence[int], note: str = "") -> int:
        await self.announce(tags)
        return await super().intend(tags)


class IntentMovesNothing(ReferenceLedger):
    async def intend(self, tags: Sequence[int], note: str = "") -> int:
        number = await super().intend(tags)
        self._history.position -= 1
        return number


class SettlesSilently(ReferenceLedger):
    async def settle(self, intent: int, *, announce: bool) -> int:
        return await super().settle(intent, announce=False)


class SettlesLoudly(ReferenceLedger):
    async def settle(self, intent: int, *, announce: bool) -> int:
        return await super().settle(intent, announce=True)


class SettlesAll(ReferenceLedger):
    async def settle(self, intent: int, *, announce: bool) -> int:
        for each in [*self._history.intents]:
            await super().settle(each, announce=announce)
        return self.position()


class NeverClears(ReferenceLedger):
    async def settle(self, intent: int, *, announce: bool) -> int:
        return await self.announce(sorted(self._history.intents[intent])) if announce else self.position()


class ClearingUndoesMarks(ReferenceLedger):
    async def settle(self, intent: int, *, announce: bool) -> int:
        if not announce:
            intended = self._history.intents[intent]
            self._history.log[:] = [each for each in self._history.log if each[1] not in intended]
        return await super().settle(intent, announce=announce)


class MarksWhatIsOlderThanTheIntent(ReferenceLedger):
    async def settle(self, intent: int, *, announce: bool) -> int:
        if announce:
            self._history.log.extend((intent, tag) for tag in self._history.intents[intent])
        return await super().settle(intent, announce=False)


class RacesForNumbers(ReferenceLedger):
    async def announce(self, tags: Sequence[int]) -> int:
        position = self._history.position
        another_thread_comes()
        self._history.log.extend((position + 1, tag) for tag in tags)
        self._history.position = position + 1
        return position + 1


class Solitary(ReferenceLedger):
    def another(self) -> Any:
        return type(self)()


class KeepsIntentsToItself(ReferenceLedger):
    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        proof = super().prove(tags, since)
        mine = frozenset(tag for intent in self._mine for tag in self._history.intents[intent])
        return None if proof is None else proof._replace(held=bool(tags & mine))


LEDGERS = [
    each
    for each in list(vars().values())
    if inspect.isclass(each) and each.__module__ == __name__ and issubclass(each, ReferenceLedger)
]

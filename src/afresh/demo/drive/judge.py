"""Judging what a load was shown: against the uncached answers, and against the history of edits."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.demo.drive.oracle import Histories, leaks
from afresh.demo.drive.readers import Record, Seen


@dataclass(slots=True)
class Verdict:
    """Counted answers.

    Attributes:
        compared: Answers that were compared with the uncached one, byte for byte.
        different: Those of them that differed.
        checked: Answers given during edits whose facts were checked against the edits.
        stale: Those of them that showed what an acknowledged edit had replaced before the request.
        leaked: Answers that showed a visitor what is another's.
        failed: Requests that failed.
        unchecked: Answers that there was no time to compare.
    """

    compared: int = 0
    different: int = 0
    checked: int = 0
    stale: int = 0
    leaked: int = 0
    failed: int = 0
    unchecked: int = 0

    @property
    def right(self) -> bool:
        """Whether nothing was found."""
        return not (self.different or self.stale or self.leaked or self.failed)

    def __iadd__(self, other: Verdict) -> Verdict:
        """Add another verdict's counts."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


def against(record: Record, known: Seen) -> Verdict:
    """Compare each answer with the uncached ones of the same page and visitor, while nothing changes."""
    verdict = Verdict()
    for pair, bodies in record.seen.items():
        right = known.get(pair)
        for digest, sighting in bodies.items():
            answers = len(sighting.began)
            if right is None:
                verdict.unchecked += answers
            else:
                verdict.compared += answers
                verdict.different += answers * (digest not in right)
    return verdict


def outdated(record: Record, histories: Histories) -> Verdict:
    """Check each answer against the edits that were acknowledged before its request began."""
    verdict = Verdict()
    for bodies in record.seen.values():
        for sighting in bodies.values():
            limit = histories.valid_until(sighting.shown)
            verdict.checked += len(sighting.began)
            verdict.stale += sum(began > limit for began in sighting.began)
    return verdict


def leaked(record: Record) -> int:
    """Answers that showed a visitor what is another's."""
    return sum(
        len(sighting.began)
        for (_, visitor), bodies in record.seen.items()
        for sighting in bodies.values()
        if leaks(sighting.shown, visitor)
    )

"""What a load came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from afresh.core.entry import Entry, Facts
from afresh.core.verdict import Lives

if TYPE_CHECKING:
    from afresh.engine.asking.tracker import Tracker


class Made(NamedTuple):
    """A value, or an exception in its place, and what is known of it.

    Attributes:
        value: The value, or where `facts.failed` the exception.
        facts: What it was made from, and when.
        at: The position of the ledger at which it was proven.
        raised: It is an exception that the policy doesn't remember: it is kept nowhere.
        foreign: A part of it is numbered by another ledger: nobody can keep it, nor what is made
            from it.
        refused: Why nobody may keep it, nor what is made from it, for another reason.
    """

    value: Any
    facts: Facts
    at: int
    raised: bool = False
    foreign: bool = False
    refused: str = ""

    @classmethod
    def of(cls, entry: Entry) -> Made:
        """What an entry holds."""
        return cls(entry.value, entry.facts, abs(entry.checked_at))

    @classmethod
    def under(
        cls,
        tracker: Tracker,
        value: Any,
        *,
        key: str,
        began: float,
        cost: float,
        lives: Lives,
        failed: bool = False,
    ) -> Made:
        """What came out of a load, with all that its tracker saw.

        Args:
            tracker: Of the load.
            value: The value, or the exception of a load that `failed`.
            key: Under which it is kept.
            began: When the load began, in seconds since 1970.
            cost: Seconds that it took.
            lives: When it expires; no later than its parts.
            failed: It is an exception.
        """
        lives = lives.capped(tracker.lives())
        facts = Facts(
            key=key,
            stamp=tracker.stamp,
            tags=tracker.tags(),
            names=tracker.names(),
            loaded_at=began,
            cost=cost,
            soft=lives.soft,
            stale_until=lives.stale_until,
            error_until=lives.error_until,
            failed=failed,
        )
        return cls(value, facts, tracker.stamp, foreign=tracker.foreign, refused=tracker.refused)

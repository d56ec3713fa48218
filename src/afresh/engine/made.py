"""What a load came to."""

from __future__ import annotations

from typing import Any, NamedTuple

from afresh.core.entry import Entry, Facts


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

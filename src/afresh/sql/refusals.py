"""Why a statement was not planned as precisely as others."""

from __future__ import annotations


class Refused(Exception):
    """What a statement reads can't be told: its result is not cached.

    Args:
        reason: For people: it shows in `explain`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Coarse(Exception):
    """A construct that isn't understood: the tables that the statement names count as a whole."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

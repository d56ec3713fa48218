"""What an edge is, to whoever tells it what to drop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Purge(NamedTuple):
    """One thing to drop.

    Attributes:
        kind: `key`: all that carries this outward name; `url`: one page; `all`: everything.
        value: The name, or the URL with its scheme; empty for `all`.
        position: What was made at this position of the ledger, or later, is right already.
    """

    kind: str
    value: str = ""
    position: int = 0


EVERYTHING = Purge("all")


class Undelivered(Exception):  # caught by the delivery, which tries again
    """An edge didn't take a purge.

    Attributes:
        after: Seconds to wait before the next attempt, where the edge says so.
        settled: It won't take it later either, as things are: credentials, a wrong address.
    """

    def __init__(self, what: str, *, after: float = 0.0, settled: bool = False) -> None:
        super().__init__(what)
        self.after = after
        self.settled = settled


class Edge(Protocol):
    """A cache in front of the application. See `docs/edge.md` for one of your own in thirty lines.

    Attributes:
        name: Tells it from the others; what it was to be told is kept under it.
        batch: So many purges at most go into one call.
        pace: Seconds from one call to the next, at least.
        repeats: Seconds after which a purge is said once more. An answer that left the application just before
            may reach the edge after its purge, and would stay.
    """

    @property
    def name(self) -> str:
        """See above."""

    @property
    def batch(self) -> int:
        """See above."""

    @property
    def pace(self) -> float:
        """See above."""

    @property
    def repeats(self) -> Sequence[float]:
        """See above."""

    def purge(self, purges: Sequence[Purge]) -> None:
        """Drop these. Called by one thread at a time. May block.

        Raises:
            Undelivered: It isn't certain that all of them were dropped.
        """

    def close(self) -> None:
        """Give back what it holds open. Safe to call twice."""

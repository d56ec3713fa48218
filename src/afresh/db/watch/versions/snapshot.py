"""Which transactions are seen: PostgreSQL's snapshots as it writes them, `xmin:xmax:running,…`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a reader sees: every transaction below `end` that isn't running, if it was committed.

    Attributes:
        begin: All below it have ended.
        end: None from here on has begun.
        running: Those between that had not ended.
    """

    begin: int
    end: int
    running: frozenset[int]

    @classmethod
    def of(cls, text: str) -> Snapshot:
        """Read it.

        Raises:
            ValueError: It isn't one.
        """
        begin, end, listed = text.split(":")
        return cls(int(begin), int(end), frozenset(int(each) for each in listed.split(",") if each))

    def sees(self, xid: int) -> bool:
        """Whether a transaction, if it is committed, is seen."""
        return xid < self.end and xid not in self.running

    def age(self) -> tuple[int, int, int]:
        """Snapshots of one server are ordered by time: an earlier one sees nothing that a later one doesn't."""
        return self.begin, self.end, -len(self.running)

    def __str__(self) -> str:
        return f"{self.begin}:{self.end}:{','.join(map(str, sorted(self.running)))}"

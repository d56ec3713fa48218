"""Which writes marked what, as far as this process announced them: for people who ask why a value is gone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

_KEPT = 256
_LONGEST = 200  # characters of a statement that people read


class Step(NamedTuple):
    """One announcement.

    Attributes:
        names: Of the tags that it marked.
        source: Who announced it: `captured` from a connection here, `watched` in a database, or empty for
            `cache.invalidate()`.
        statements: What was executed, where that is known.
    """

    names: Sequence[str]
    source: str
    statements: Sequence[str]

    def __str__(self) -> str:
        if self.statements:
            return "; ".join(_short(each) for each in self.statements)
        return {"": "cache.invalidate()", "watched": "a write that a watcher saw"}.get(
            self.source, self.source
        )


class Trail:
    """The last announcements of this process."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: deque[Step] = deque(maxlen=_KEPT)

    def add(self, step: Step) -> None:
        """Remember one."""
        self._steps.append(step)

    def of(self, name: str) -> Step | None:
        """The last one that marked this tag; `None` if it was another process's, or is long ago."""
        return next((step for step in reversed(self._steps) if name in step.names), None)


def _short(statement: str) -> str:
    line = " ".join(statement.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"

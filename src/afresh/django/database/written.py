"""What one request writes, statement by statement, for whoever asks: why its page isn't kept, or to do it again."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from afresh.db.marks import Running


class Written(NamedTuple):
    """One statement that wrote.

    Attributes:
        alias: The database, as Django calls it.
        sql: The text as it was sent, and
        parameters: its parameters; with `many` a list of them.
        many: It was sent once for each of them.
        columns: Tables, each with the columns that an UPDATE changed; `None`: any.
    """

    alias: str
    sql: Any
    parameters: Any
    many: bool
    columns: tuple[tuple[str, frozenset[str] | None], ...]


writing: ContextVar[list[Written] | None] = ContextVar("afresh.written", default=None)
"""Of the request that is answered in this thread or task."""


def note(alias: str, running: Running, sql: Any, parameters: Any, *, many: bool) -> None:
    """A statement was sent, and may have written."""
    notes = writing.get()
    if notes is not None and not running.plan.harmless and not running.plan.step:
        columns = tuple((write.table.name, write.changed) for write in running.plan.facts.writes)
        notes.append(Written(alias, sql, parameters, many, columns))

"""What one look found: which tags it marks in a ledger that was told up to somewhere."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from afresh.db.watch.sqlite.log import Gap, Log, Position
from afresh.db.watch.sqlite.marks import Marks
from afresh.db.watch.sqlite.positions import Told
from afresh.db.watch.sqlite.schema import Seen


@dataclass(slots=True)
class News:
    """The names of tags, and how it came to them.

    Attributes:
        names: The tags.
        why: Why everything is announced; empty if it isn't, or if nothing was announced before.
        rows: Rows of the log.
        oldest: When the first of them was written; 0 if there are none.
    """

    names: tuple[str, ...] = ()
    why: str = ""
    rows: int = 0
    oldest: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found.

    Args:
        before: The schema as this process saw it last, if it did.
        seen: The schema.
        end: The end of the log; None where there is none.
        explained: The log, or the schema, says why the data's version moved.
        database: The database's name in tags.
    """

    before: Seen | None
    seen: Seen
    end: Position | None
    explained: bool
    database: str

    def news_for(self, told: Told | None, log: Log, connection: sqlite3.Connection) -> News:
        """What a ledger has to be told, that was told `told` last."""
        why = self._unknown(told)
        if why or told is None:
            return self._everything(why)
        marks = Marks(self.seen.changes, self.database)
        try:
            marks.add(log.since(connection, told.position))
        except Gap:
            return self._everything("the log doesn't reach back to what was announced last")
        names = dict.fromkeys(marks.names())
        names.update(dict.fromkeys(self.seen.changes.whole(sorted(self.seen.uncovered))))
        if self.before is not None and self.before is not self.seen:
            changed, why = self.seen.marks_since(self.before)
            names.update(dict.fromkeys(changed))
        if self.before is not None and self.before.digest != self.seen.digest:
            names[self._schema] = None
        return News(tuple(names), why, marks.rows, marks.oldest)

    def _unknown(self, told: Told | None) -> str:
        """Why it isn't known what changed; empty if it is."""
        if self.end is None:
            return "there is no log in the database"
        followed = {each.digest for each in (self.before, self.seen) if each is not None}
        if told is not None and told.schema not in followed:
            return "the schema was changed while nobody looked for this cache"
        return (
            ""
            if self.explained
            else "a change left no word in the log: of a virtual table, or made with triggers off"
        )

    def _everything(self, why: str) -> News:
        return News((*self.seen.changes.everything(), self._schema), why)

    @property
    def _schema(self) -> str:
        return f"schema:{self.database}"

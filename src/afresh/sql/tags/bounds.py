"""Bounds on the number of tags: of a transaction's marks, and of what an entry carries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from afresh.sql.tags.labels import labels, scale_of
from afresh.sql.tags.marking import MANY_TAGS


@dataclass(slots=True)
class Bounded:
    """Tags, table by table; one with too many of them becomes the table.

    Args:
        database: The database's name in tags.
        marks: They are marks, so that pieces of a scale may become the scale first; a reader has to
            carry what is marked.
        most: So many tags of one table there may be.
    """

    database: str = ""
    marks: bool = False
    most: int = MANY_TAGS
    _tables: dict[str, dict[str, None]] = field(default_factory=dict)
    _whole: set[str] = field(default_factory=set)

    def add(self, names: Iterable[str]) -> None:
        """Add the tags of one statement: those of a transaction's writes, or of an entry's reads."""
        for name in names:
            table = table_of(name)
            if table not in self._whole:
                self._tables.setdefault(table, {})[name] = None
                if len(self._tables[table]) > self.most:
                    self._tables[table] = self._fewer(self._tables[table])
                if len(self._tables[table]) > self.most:
                    self._whole.add(table)
                    self._tables[table] = dict.fromkeys(labels(self.database, table).whole)

    def _fewer(self, names: dict[str, None]) -> dict[str, None]:
        return {scale_of(name) or name: None for name in names} if self.marks else names

    def has_whole(self, table: str) -> bool:
        """Whether a table had too many tags: its further ones change nothing."""
        return table in self._whole

    def names(self) -> tuple[str, ...]:
        """The tags, each once."""
        return tuple(name for each in self._tables.values() for name in each)


def table_of(name: str) -> str:
    """The table that a tag speaks of: `row:db:table:…`, `table:db:table:any` or `table:db:table.column`."""
    kind, _, rest = name.partition(":")
    table = rest.partition(":")[2]
    if kind == "row" or table.rpartition(":")[2] in {"any", "all", "rows"}:
        return table.partition(":")[0]
    return table.rpartition(".")[0]

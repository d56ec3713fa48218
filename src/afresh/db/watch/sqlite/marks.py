"""From rows of the log to tags. Pure: a write of any length is a bounded number of tags."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from afresh.db.watch.sqlite.layout import Layout
from afresh.db.watch.sqlite.log import Change
from afresh.sql.schema.catalogue import Operation, Table
from afresh.sql.tags.bounds import Bounded
from afresh.sql.tags.changes import Changes
from afresh.sql.tags.marking import Images


@dataclass(slots=True)
class Marks:
    """What some rows of the log mark.

    Args:
        changes: What changes mark by the schema as it is.
        database: The database's name in tags.

    Attributes:
        rows: How many rows said something.
        oldest: When the first of them was written.
    """

    changes: Changes
    database: str = ""
    rows: int = 0
    oldest: float = 0.0
    _found: Bounded = field(init=False)
    _whole: set[str] = field(default_factory=set)
    _replaced: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._found = Bounded(self.database)

    def add(self, changes: Iterable[Change]) -> None:
        """Add rows, in their order."""
        for change in changes:
            if change.layout is not None:
                self.rows += 1
                self.oldest = self.oldest or change.at
                if change.layout.table not in self._whole:
                    self._add(change, change.layout)

    def names(self) -> tuple[str, ...]:
        """The tags."""
        for name in list(self._replaced):
            self._settle(name)
        return self._found.names()

    def _add(self, change: Change, layout: Layout) -> None:
        table = self.changes.table("main", layout.table)
        if change.op == "w" or table is None or not set(layout.bits + layout.image) <= table.by_name.keys():
            self._whole_table(layout.table)
        elif change.op == "r":
            self._replaced.setdefault(layout.table, []).append(layout.row(change.values))
        elif change.op == "u":
            self._updated(change, layout, table)
        else:
            self._settle(layout.table)
            images = [layout.row(change.values)]
            if change.op == "i":
                self._mark(table, "insert", None, Images(new=images))
            else:
                self._mark(table, "delete", None, Images(old=images))

    def _updated(self, change: Change, layout: Layout, table: Table) -> None:
        old = layout.row(change.values)
        new = layout.row(change.values[len(layout.image) :])
        self._not_replaced(layout.table, old)
        changed = layout.changed(change.mask)
        if changed is None or changed:
            computed = {each.name for each in table.columns if each.generated}
            changed = None if changed is None else changed | computed
            self._mark(table, "update", changed, Images([old], [new]))

    # -- rows that a new one may have replaced ----------------------------------------------------

    def _not_replaced(self, name: str, old: dict[str, Any]) -> None:
        """An INSERT that found a row in its way has updated it instead (ON CONFLICT DO UPDATE)."""
        waiting = self._replaced.get(name)
        if waiting and all(_same(each, old) for each in waiting):
            del self._replaced[name]
        self._settle(name)

    def _settle(self, name: str) -> None:
        """Rows that may have been replaced are gone, as far as anybody knows."""
        rows = self._replaced.pop(name, None)
        table = self.changes.table("main", name)
        if rows and table is not None:
            self._mark(table, "delete", None, Images(old=rows))

    # -- tags -------------------------------------------------------------------------------------

    def _mark(
        self, table: Table, operation: Operation, changed: frozenset[str] | None, images: Images
    ) -> None:
        marked = self.changes.told(table, operation, changed, images)
        self._found.add(marked)
        if self._found.has_whole(table.name) or all(
            each in marked for each in self.changes.whole([table.name])
        ):
            self._whole.add(table.name)

    def _whole_table(self, name: str) -> None:
        self._whole.add(name)
        self._found.add(self.changes.whole([name]))


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one == other and [type(each) for each in one.values()] == [type(each) for each in other.values()]

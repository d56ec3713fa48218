"""From rows that changed in a database's own log to tags: nobody has to know the statement.

A log has values as text, the new row, and of the old one as much as the table's replica identity
says. Whatever a shape's values were must be known, else the whole table is marked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeAlias

from afresh.sql.schema.catalogue import Catalogue, Operation, Table
from afresh.sql.tags.labels import labels
from afresh.sql.tags.marking import Image, Images, Marker
from afresh.sql.text.holes import UNKNOWN
from afresh.sql.trees.writes import Write

Row: TypeAlias = Mapping[str, "str | None"]
_Key: TypeAlias = tuple[str, Operation, "frozenset[str] | None"]

_MOST_MARKERS = 4096


class Changes:
    """What changes of rows mark.

    Args:
        catalogue: The schema.
        database: The database's name in tags.
        before: What it was until now. Its column sets stay tags: a reader that doesn't know of the new
            schema yet goes on carrying them.
    """

    def __init__(self, catalogue: Catalogue, database: str = "", before: Changes | None = None) -> None:
        self._catalogue = catalogue
        self._database = database
        self._plain = {each.name: each for each in catalogue.tables()}
        self._tables = {name: _with_keys_of(each, before) for name, each in self._plain.items()}
        self._known: frozenset[str] = frozenset(self._tables)
        if before is not None:
            self._known |= before._known
        self._markers: dict[_Key, Marker] = {}

    def table(self, schema: str, name: str) -> Table | None:
        """The table of that name, of which it may be a partition; None if it isn't known."""
        found = self._catalogue.find(schema, name)
        return self._tables.get(found.name) if isinstance(found, Table) else None

    def name(self, schema: str, name: str) -> str:
        """A table's name in tags."""
        found = self._catalogue.find(schema, name)
        if found is not None:
            return found.name
        return name if schema == self._catalogue.default else f"{schema}.{name}"

    def differing(self, before: Changes) -> set[str]:
        """Names of the tables that are not what they were: readers may carry column sets that are none now."""
        names = self._plain.keys() | before._plain.keys()
        return {name for name in names if self._plain.get(name) != before._plain.get(name)}

    def whole(self, names: Iterable[str]) -> Iterable[str]:
        """The tags of whole tables."""
        return (tag for name in names for tag in labels(self._database, name).whole)

    def everything(self) -> Iterable[str]:
        """The tags of all tables that are, or were, known."""
        return self.whole(sorted(self._known))

    def marked(self, table: Table, operation: Operation, old: Row | None, new: Row | None) -> Iterable[str]:
        """The tags that one row's change marks.

        Args:
            table: The table.
            operation: What was done.
            old: The row before, or as much of it as is known.
            new: The row after. A column that an UPDATE left alone may be missing.
        """
        if operation == "update":
            return self._updated(table, old, new or {})
        images = Images(_images(table, old), _images(table, new))
        return self._marker(table, operation, None).marks((), images)

    def told(
        self, table: Table, operation: Operation, changed: frozenset[str] | None, images: Images
    ) -> Iterable[str]:
        """The tags that a change marks of which its source tells the columns and the values themselves.

        Args:
            table: The table.
            operation: What was done.
            changed: The columns that an UPDATE changed; None for any.
            images: The rows before and after.
        """
        return self._marker(table, operation, changed).marks((), images)

    def _updated(self, table: Table, old: Row | None, new: Row) -> Collection[str]:
        before = dict(old or {})
        after = {**before, **new}
        changed = None
        names = set(table.by_name)
        stored = {name for name in names if not table.by_name[name].generated}
        if before.keys() >= stored and names >= after.keys():
            changed = frozenset(name for name in stored if before[name] != after[name])
            if not changed:
                return ()
            changed |= names - stored  # the log doesn't have them
        return self._marker(table, "update", changed).marks(
            (), Images(_images(table, before), _images(table, after))
        )

    def _marker(self, table: Table, operation: Operation, changed: frozenset[str] | None) -> Marker:
        key = (table.name, operation, changed)
        marker = self._markers.get(key)
        if marker is None:
            if len(self._markers) >= _MOST_MARKERS:
                self._markers.clear()
            marker = self._markers[key] = Marker(Write(table, operation, changed), (), self._database)
        return marker


def _with_keys_of(table: Table, before: Changes | None) -> Table:
    known = before._tables.get(table.name) if before is not None else None
    if known is None:
        return table
    own = [each for each in (known.primary, *known.keys) if each]
    kept = [each for each in own if all(name in table.by_name for name in each)]
    return replace(table, keys=tuple(dict.fromkeys((*table.keys, *kept))))


def _images(table: Table, row: Row | None) -> list[Image] | None:
    if row is None:
        return None
    about = table.by_name
    return [{name: _value(about[name].kind.native, text) for name, text in row.items() if name in about}]


def _value(native: type | None, text: str | None) -> Any:
    """The value that PostgreSQL writes so, for the spellers of kinds."""
    if text is None:
        return None
    convert = _CONVERT.get(native) if native is not None else None
    if convert is None:
        return text
    try:
        return convert(text)
    except ValueError:  # infinity, before Christ
        return UNKNOWN


_CONVERT: dict[type, Callable[[str], Any]] = {
    bool: lambda text: text == "t",
    int: int,
    float: float,
    bytes: lambda text: bytes.fromhex(text.removeprefix("\\x")),
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
}

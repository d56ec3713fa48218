"""From what statements did to tags. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from afresh.db.watch.schema import reached
from afresh.db.watch.versions.reading import Change, Digest, Image
from afresh.sql.schema.catalogue import Operation, Table
from afresh.sql.tags.bounds import Bounded
from afresh.sql.tags.changes import Changes


def fits(change: Change, changes: Changes) -> bool:
    """Whether the schema, as it is known, has the table as the change has it."""
    table = changes.table(change.schema, change.name)
    if change.operation == "schema" or table is None:
        return False
    stored = {each.name for each in table.columns}
    return all(row.keys() == stored for row in (*(change.old or ()), *(change.new or ())))


def add(change: Change, changes: Changes, marks: Bounded) -> str:
    """Add what a change marks.

    Args:
        change: It.
        changes: By the schema as it is known.
        marks: What is marked so far.

    Returns:
        Why it may be any table; empty if it isn't.
    """
    if change.operation == "schema":
        whole: set[str] = set()
        everything = reached(change.tables, changes, whole)
        marks.add(changes.whole(sorted(whole)))
        return everything
    table = changes.table(change.schema, change.name)
    name = changes.name(change.schema, change.name)
    if table is None or change.operation == "whole" or not fits(change, changes) or _hides(table, change):
        marks.add(changes.whole([name]))
        return ""
    for operation, old, new in _rows(table, change):
        if marks.has_whole(name):
            break
        marks.add(changes.marked(table, operation, old, new))
    return ""


def _hides(table: Table, change: Change) -> bool:
    """Whether a value that makes tags is too long to be told."""
    keys = {name for each in (table.primary, *table.keys) for name in each}
    rows = (*(change.old or ()), *(change.new or ()))
    return any(isinstance(row[name], Digest) for row in rows for name in keys)


def _rows(table: Table, change: Change) -> Iterator[tuple[Operation, Image | None, Image | None]]:
    """Row by row: what was updated is known again by its key; where that isn't so, a row went and one came."""
    if change.operation != "update" or not table.primary:
        yield from (("delete", row, None) for row in change.old or ())
        yield from (("insert", None, row) for row in change.new or ())
        return
    before = _by_key(table, change.old or ())
    after = _by_key(table, change.new or ())
    yield from (("delete", row, None) for key, row in before.items() if key not in after)
    for key, row in after.items():
        old = before.get(key)
        yield ("insert", None, row) if old is None else ("update", old, row)


def _by_key(table: Table, rows: Iterable[Image]) -> dict[Sequence[str | None], Image]:
    return {tuple(row[name] for name in table.primary): row for row in rows}

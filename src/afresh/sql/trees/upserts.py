"""The query for the rows that are in the way of an INSERT … ON CONFLICT DO UPDATE, by the values of its key.

For SQLite alone, where nobody writes between that look and the statement. Elsewhere a row may come in
between, and would be updated without having been seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from afresh.sql.tags.marking import each_row
from afresh.sql.text.holes import UNKNOWN, Hole
from afresh.sql.trees.images import OldImage
from afresh.sql.trees.writes import Write

MANY_ROWS = 64
"""An INSERT of more rows is not looked for."""


def upsert_image(write: Write, holes: Sequence[Hole], paramstyle: str) -> OldImage | None:
    """The query for the rows that an upsert is about to update; None if it has no simple one."""
    columns = sorted({name for shape in write.table.shapes() for name in shape})
    if write.operation != "upsert" or not write.target or not columns:
        return None
    rows = [each for row in write.rows for each in each_row(row, holes)]
    keys = sorted(write.target)
    if not 0 < len(rows) <= MANY_ROWS or any(not write.target <= row.keys() for row in rows):
        return None
    given = [row[key] for row in rows for key in keys]
    if any(source.cast or (source.hole is None and get(()) is UNKNOWN) for source, get in given):
        return None
    mark = "%s" if paramstyle in {"format", "pyformat"} else "?"
    one = " AND ".join(f"{_quoted(key)} = {mark}" for key in keys)
    selected = ", ".join(map(_quoted, columns))
    sql = f"SELECT {selected} FROM {_quoted(write.table.name)} WHERE {' OR '.join([one] * len(rows))}"  # noqa: S608
    return OldImage(sql, tuple(columns), None, tuple(get for _, get in given))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

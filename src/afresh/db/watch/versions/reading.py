"""The one question to the table of versions: what is committed now that was not seen before?

Its rows and the snapshot are of one statement, so they belong together. A transaction's rows are found by
its number: either it began after the last snapshot, or it was running then. So a transaction that has been
open for hours costs nothing, and two indexed looks answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from afresh.db.watch.asking import Asker
from afresh.db.watch.schema import Told, epochs, told
from afresh.db.watch.versions.snapshot import Snapshot

Image: TypeAlias = "dict[str, str | None]"


class Digest(str):
    """In place of a long value: it tells only whether that changed."""

    __slots__ = ()


_NOW = """
    SELECT 0::bigint AS id, pg_current_snapshot()::text, NULL, NULL, (SELECT xid::text FROM afresh.horizon), NULL, NULL
"""
_NEW = """
    SELECT id, xid::text, schema, name, operation, old::text, new::text FROM afresh.change
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What one statement did to one table.

    Args:
        xid: Its transaction.
        schema: The table's,
        name: and its name; empty where the schema of the database was changed.
        operation: `insert`, `update`, `delete`, `whole` or `schema`.
        old: Its rows before. None if they aren't known.
        new: Its rows after.
        tables: What a change of the schema was about.
    """

    xid: int
    schema: str
    name: str
    operation: str
    old: Sequence[Image] | None = None
    new: Sequence[Image] | None = None
    tables: Sequence[Told] = ()


@dataclass(frozen=True, slots=True)
class News:
    """What was found.

    Args:
        snapshot: What is seen now.
        complete: Nothing that was not seen before has been deleted meanwhile.
        changes: What is new.
        announced: Transactions that whoever made them announces: in which ledgers, by their epochs.
    """

    snapshot: Snapshot
    complete: bool
    changes: Sequence[Change]
    announced: Mapping[int, frozenset[int]]

    def untold(self, ours: frozenset[int], before: Snapshot | None) -> list[Change]:
        """What some ledgers were not told of: neither by whoever made it, nor when that snapshot was all that was seen."""
        schema = {each.xid for each in self.changes if each.operation == "schema"}
        told = {xid for xid, epochs in self.announced.items() if ours <= epochs} - schema
        return [
            each
            for each in self.changes
            if each.xid not in told and (before is None or not before.sees(each.xid))
        ]


def news(asker: Asker, since: Snapshot | None) -> News:
    """Ask.

    Args:
        asker: A connection to the database.
        since: What was seen before; None: nothing is known, so nothing is asked for but the snapshot.
    """
    sql = _NOW
    if since is not None:
        running = "{" + ",".join(map(str, since.running)) + "}"
        sql += f"UNION ALL {_NEW} WHERE xid >= '{since.end}'"
        sql += f" UNION ALL {_NEW} WHERE xid = ANY('{running}'::xid8[])" if since.running else ""
        sql += " ORDER BY 1"
    now, *rows = asker.rows(sql)
    complete = since is not None and since.begin > int(now[4] or 0)
    announced = {int(row[1]): epochs(str(row[6])) for row in rows if row[4] == "announced"}
    changes = [_change(row) for row in rows if row[4] != "announced"]
    return News(Snapshot.of(str(now[1])), complete, changes, announced)


def _change(row: Sequence[Any]) -> Change:
    _, xid, schema, name, operation, old, new = row
    if operation == "schema":
        return Change(int(xid), "", "", operation, tables=told(str(new).encode()))
    return Change(int(xid), str(schema), str(name), str(operation), _images(old), _images(new))


def _images(text: str | None) -> Sequence[Image] | None:
    """Rows with values as PostgreSQL's own log has them."""
    if text is None:
        return None
    rows = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    return [{name: _text(value) for name, value in row.items()} for row in rows]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    # Arrays and JSON make no tags either: enough to see whether they changed.
    return Digest(json.dumps(value, sort_keys=True))

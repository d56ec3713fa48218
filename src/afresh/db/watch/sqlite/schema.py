"""What is watched of a database, by its schema: which triggers there shall be, and which there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise

from afresh.db.watch.sqlite.keys import quoted, row_number, unique_keys
from afresh.db.watch.sqlite.layout import Layout
from afresh.db.watch.sqlite.triggers import LAYOUTS, LOG, Watched
from afresh.sql.schema.catalogue import Catalogue, Table
from afresh.sql.schema.effects import EVERY, reached
from afresh.sql.schema.sqlite import OWN, Query, sqlite_schema
from afresh.sql.tags.changes import Changes
from afresh.sql.text.lexer import Unlexable, tokens

_TYPED = ("sqlite INTEGER", "sqlite TEXT", "sqlite REAL", "sqlite NUMERIC")
_ENDS = {"ignore", "fail"}  # RAISE with these keeps what was done, and fires nothing more


@dataclass(frozen=True, slots=True)
class Seen:
    """A schema as it was seen.

    Args:
        changes: What changes of its tables mark.
        wanted: The triggers that there shall be, by table.
        views: The views, by name.
        uncovered: Tables whose changes aren't in the log, or not all of them.
        keeps: There is a log.
        digest: Stands for everything but what watching itself needs.
    """

    changes: Changes
    wanted: Mapping[str, Watched]
    views: Mapping[str, str]
    uncovered: frozenset[str]
    keeps: bool
    digest: str

    def missing(self) -> list[Watched]:
        """Tables whose triggers have to be made, or made anew."""
        return [each for name, each in self.wanted.items() if name in self.uncovered or not self.keeps]

    def marks_since(self, before: Seen) -> tuple[list[str], str]:
        """The tags of what a change of the schema may have changed; and why that is everything, if it is."""
        if self.views != before.views:
            return [*self.changes.everything()], "a view was changed"
        return [*self.changes.whole(sorted(self.changes.differing(before.changes)))], ""


def look_at(
    query: Query,
    database: str = "",
    volatile: Mapping[str, Collection[str]] | None = None,
    before: Seen | None = None,
    refused: Collection[str] = (),
) -> Seen:
    """Look at the schema.

    Args:
        query: Runs a query.
        database: The database's name in tags.
        volatile: Volatile columns, by table.
        before: What was seen last.
        refused: Tables on which there can't be triggers.
    """
    rows = query("SELECT type, name, tbl_name, sql, rowid FROM sqlite_master ORDER BY rowid")
    catalogue = sqlite_schema(query, volatile=volatile)
    wanted = {}
    for table in catalogue.tables():
        sql = next((str(row[3] or "") for row in rows if row[0] == "table" and row[1] == table.name), "")
        if table.name not in refused and _may_have_triggers(table.name, sql, rows):
            wanted[table.name] = _watched(query, table, catalogue, rows)
    there = {str(row[1]): (str(row[2]), str(row[3]), int(row[4])) for row in rows if _is_ours(row)}
    keeps = {LOG, LAYOUTS} <= there.keys()
    covered = {name for name, each in wanted.items() if keeps and _is_covered(each, there, rows)}
    others = [row[:4] for row in rows if not str(row[1]).startswith(OWN)]
    return Seen(
        Changes(catalogue, database, before.changes if before is not None else None),
        wanted,
        {str(row[1]): str(row[3]) for row in rows if row[0] == "view"},
        frozenset(each.name for each in catalogue.tables()) - covered,
        keeps,
        blake2b(repr(sorted(map(repr, others))).encode(), digest_size=12).hexdigest(),
    )


def _is_ours(row: Sequence[object]) -> bool:
    return str(row[1]).startswith(OWN)


def _may_have_triggers(name: str, sql: str, rows: Sequence[Sequence[object]]) -> bool:
    """Tables of SQLite's own have none; nor have virtual tables, and what those are made of had better not."""
    if name.startswith("sqlite_") or _is_virtual(sql):
        return False
    virtual = [str(row[1]) for row in rows if row[0] == "table" and _is_virtual(str(row[3] or ""))]
    return not any(name.startswith(f"{each}_") for each in virtual)


def _is_virtual(sql: str) -> bool:
    return sql[:20].upper().split()[:2] == ["CREATE", "VIRTUAL"]


def _watched(query: Query, table: Table, catalogue: Catalogue, rows: Sequence[Sequence[object]]) -> Watched:
    listed = query(f"PRAGMA table_xinfo({quoted(table.name)})")
    columns = {str(row[1]).lower(): str(row[1]) for row in listed}
    triggers = _triggers_of(table.name, rows)
    further = reached(catalogue, table, EVERY, None)
    untyped = frozenset(each.name for each in table.columns if not each.kind.name.startswith(_TYPED))
    return Watched(
        table.name,
        columns,
        Layout.of(table),
        unique_keys(query, table.name),
        row_number(query, table.name),
        untyped,
        alone=not triggers and further is not None and table.name not in further,
        coarse=any(_may_end_early(str(row[3])) for row in triggers),
    )


def _triggers_of(table: str, rows: Sequence[Sequence[object]]) -> list[Sequence[object]]:
    """The triggers of a table that aren't ours."""
    return [
        row
        for row in rows
        if row[0] == "trigger" and not _is_ours(row) and str(row[2]).lower() == table.lower()
    ]


def _may_end_early(sql: str) -> bool:
    """Whether a trigger may keep those from firing that come after it, and the change all the same."""
    try:
        words = [each.text.lower() for each in tokens(sql, "sqlite", "sqlite") if each.type == "word"]
    except Unlexable:
        return True
    return any(word == "raise" and then in _ENDS for word, then in pairwise(words))


def _is_covered(
    watched: Watched, there: Mapping[str, tuple[str, str, int]], rows: Sequence[Sequence[object]]
) -> bool:
    """Whether the triggers are there as they shall be, and fire first: the newest does."""
    triggers = watched.triggers()
    if any(name not in there or there[name][1] != sql for name, sql in triggers.items()):
        return False
    oldest = min(there[name][2] for name in triggers)
    return all(int(str(row[4])) < oldest for row in _triggers_of(watched.name, rows))

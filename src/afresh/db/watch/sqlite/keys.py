"""What makes a row give way to a new one under REPLACE: no trigger fires for a row that goes like that.

So before a row comes, or moves, the rows with the same unique keys are looked up. Here is how a key is
compared: column by column, by the collations of its index, and only where a partial index has the row.
"""

from __future__ import annotations

from dataclasses import dataclass

from afresh.sql.schema.sqlite import Query
from afresh.sql.text.lexer import Unlexable, tokens


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """A unique key of a table.

    Args:
        columns: Its columns, each with the collation by which it compares.
        where: The condition of a partial index; empty if it has all rows.
    """

    columns: tuple[tuple[str, str], ...]
    where: str = ""

    def matches(self, table: str) -> str:
        """The condition that a row of the table has the key that the new one has."""
        parts = [
            f"{table}.{quoted(name)} = NEW.{quoted(name)} COLLATE {quoted(collation)}"
            for name, collation in self.columns
        ]
        if self.where:
            parts.append(f"({self.where})")
        return "(" + " AND ".join(parts) + ")"

    def moves(self) -> str:
        """The condition that an UPDATE gives a row another key."""
        return " OR ".join(
            f"OLD.{quoted(name)} IS NOT NEW.{quoted(name)} COLLATE BINARY" for name, _ in self.columns
        )


def unique_keys(query: Query, table: str) -> list[UniqueKey] | None:
    """The unique keys of a table; None where one is of expressions, so that nobody can look it up."""
    found = []
    for _, index, unique, _, partial in query(f"PRAGMA index_list({quoted(table)})"):
        if not unique:
            continue
        members = [row for row in query(f"PRAGMA index_xinfo({quoted(str(index))})") if row[5]]
        where = _condition(query, str(index)) if partial else ""
        if where is None or any(row[2] is None for row in members):
            return None
        found.append(UniqueKey(tuple((str(row[2]), str(row[4])) for row in members), where))
    number = row_number(query, table)
    return [*found, UniqueKey(((number, "BINARY"),))] if number else found


def _condition(query: Query, index: str) -> str | None:
    """What stands behind WHERE in an index."""
    (sql,) = query(f"SELECT sql FROM sqlite_master WHERE type = 'index' AND name = {literal(index)}")[0]  # noqa: S608
    try:
        words = [each for each in tokens(str(sql), "sqlite", "sqlite") if each.type == "word"]
    except Unlexable:
        return None
    where = [each for each in words if each.text.lower() == "where"]
    return str(sql)[where[0].start + len("where") :].strip().rstrip(";") if len(where) == 1 else None


def row_number(query: Query, table: str) -> str:
    """The name of the row's number, which is a key too; empty if rows have none, or none that can be named."""
    columns = query(f"PRAGMA table_xinfo({quoted(table)})")
    if "without rowid" in " ".join(_words(query, table)):
        return ""
    taken = {str(row[1]).lower() for row in columns}
    alias = (str(row[1]) for row in columns if row[5] == 1 and str(row[2]).upper() == "INTEGER")
    free = (each for each in ("rowid", "_rowid_", "oid") if each not in taken)
    return next(free, next(alias, ""))


def _words(query: Query, table: str) -> list[str]:
    (sql,) = query(f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = {literal(table)}")[0]  # noqa: S608
    try:
        return [each.text.lower() for each in tokens(str(sql), "sqlite", "sqlite") if each.type == "word"]
    except Unlexable:
        return []


def quoted(name: str) -> str:
    """A name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Text as a literal."""
    return "'" + text.replace("'", "''") + "'"

"""Texts of statements that say something about the connection itself, and of those that we send ourselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from afresh.db.connection import Connection

_NAME = re.compile(
    r"(?:savepoint|release(?:\s+savepoint)?|to(?:\s+savepoint)?)\s+(\"(?:[^\"]|\"\")*\"|`[^`]*`|\S+?)\s*;?\s*$",
    re.IGNORECASE,
)
_ODD = re.compile(r"\b(search_path|attach|detach|role|authorization|schema|use)\b", re.IGNORECASE)
_LOCK = " FOR UPDATE"
_RETURNING = re.compile(r"\breturning\s+((?:[\w\".]+\s*,\s*)*[\w\".]+)\s*;?\s*$", re.IGNORECASE)

NAMED: dict[str, Callable[[Connection, str], None]] = {
    "savepoint": lambda connection, name: connection.savepoint(name),
    "release": lambda connection, name: connection.release(name),
    "rollback to": lambda connection, name: connection.rollback_to(name),
}
"""What the statements about savepoints do."""


def name_of(sql: str) -> str:
    """The savepoint that a statement names, as the database compares it."""
    found = _NAME.search(sql)
    name = found.group(1) if found else ""
    return name[1:-1] if name[:1] in {'"', "`"} else name.lower()


def oddity(sql: str) -> str:
    """Why names may mean something else from here on on this connection; empty if they don't."""
    found = _ODD.search(sql)
    return f"the connection's {found.group(1).lower()} was changed" if found else ""


def announced(epochs: Sequence[int]) -> str:
    """A statement that tells those who watch the database from outside where this transaction is announced.

    It stands in the log, and in the table of versions if there is one. It never fails: a failure would
    take the transaction with it.
    """
    told = f"'[{', '.join(map(str, epochs))}]'"
    return (
        f"DO $$ BEGIN PERFORM pg_logical_emit_message(true, 'afresh.announced', {told});"
        " BEGIN IF to_regclass('afresh.change') IS NOT NULL THEN"
        f" PERFORM afresh.announced({told}); END IF; EXCEPTION WHEN OTHERS THEN NULL; END;"
        " EXCEPTION WHEN OTHERS THEN NULL; END $$"
    )


def limited(sql: str, rows: int, *, keeps_keys: bool = False) -> str:
    """A query for at most so many rows.

    Args:
        sql: It may lock what it finds.
        rows: So many.
        keeps_keys: The lock of an UPDATE will do, which leaves those alone who only refer to a row.
    """
    if sql.endswith(_LOCK):
        lock = " FOR NO KEY UPDATE" if keeps_keys else _LOCK
        return f"{sql[: -len(_LOCK)]} LIMIT {rows}{lock}"
    return f"{sql} LIMIT {rows}"


def returned(sql: str) -> tuple[str, ...]:
    """The columns that a statement returns, if it returns nothing but plain columns."""
    found = _RETURNING.search(sql)
    if found is None:
        return ()
    parts = [part.strip().rpartition(".")[2] for part in found.group(1).split(",")]
    return tuple(part[1:-1] if part.startswith('"') else part.lower() for part in parts)

"""How drivers of the DB-API differ: in what the capture has to know of a connection. None is imported here."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any, Literal

from afresh.errors import ConfigurationError
from afresh.sql.planner import Dialect
from afresh.sql.text.lexer import Paramstyle

# As `sqlite3` looks for the first word of a statement (lstrip_sql in CPython's Modules/_sqlite/statement.c):
# by these blanks only, and past comments. Possessive, as a comment ends where it first ends.
_SQLITE_CHANGE = re.compile(
    r"(?>[ \t\f\n\r]+|--[^\n]*\n|/\*.*?\*/)*+(?:insert|update|delete|replace)",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)

_SQLITE_REFUSED = frozenset({None, 1, 23})  # by Python itself; SQLITE_ERROR, SQLITE_AUTH
_PG_OPEN = frozenset({1, 2, 3})  # states of a transaction: active, open, failed


class Driver:
    """A driver of which only the DB-API is known: a transaction begins with the first statement.

    Args:
        dialect: Of its databases.
        paramstyle: How parameters stand in its statements.
    """

    def __init__(self, dialect: Dialect, paramstyle: Paramstyle | None = None) -> None:
        self.dialect: Dialect = dialect
        self.paramstyle: Paramstyle | None = paramstyle

    def autocommits(self, raw: Any) -> bool:
        """Whether each statement is a transaction by itself, unless it says BEGIN."""
        return bool(getattr(raw, "autocommit", False))

    def in_transaction(self, raw: Any) -> bool | None:
        """Whether a transaction is open on the connection; `None` when it can't be asked."""
        return None

    def has_ended(self, raw: Any) -> bool:
        """Whether `commit` or `rollback`, which has just returned, ended the transaction.

        Some leave alone what was begun by a statement, where they were told to begin nothing.
        """
        return True

    def commits_before_scripts(self, raw: Any) -> bool:
        """Whether what is open is committed before several statements are executed at once."""
        return False

    def lastrowid(self, cursor: Any) -> Any:
        """The number of the row that was inserted, where the driver tells it."""
        return None

    def returned(self, cursor: Any) -> Sequence[Sequence[Any]] | None:
        """The rows that a statement returned, looked at without taking them; `None` where that can't be done."""
        return None

    def beginning(self, raw: Any) -> Callable[[str], str | None]:
        """What tells of one connection's statements which BEGIN the driver would send before.

        It gives an empty text if none is needed for the transaction to begin, `None` if none begins.
        """
        return lambda sql: None if self.autocommits(raw) else ""

    def changes(self, raw: Any) -> int:
        """How many rows were changed since it was connected, where a BEGIN is sent for the driver."""
        return 0

    def refused(self, error: BaseException | None) -> bool:
        """Whether a statement failed before the driver would have sent BEGIN."""
        return False

    def cursor(self, raw: Any) -> Any:
        """A cursor that gives rows as sequences, whatever the application has set up."""
        return raw.cursor()

    def text(self, raw: Any, sql: Any) -> str:
        """The text of a statement, whatever it was given as."""
        return sql if isinstance(sql, str) else sql.decode() if isinstance(sql, bytes) else str(sql)

    def rows(self, raw: Any, sql: str, parameters: Any) -> Sequence[Sequence[Any]]:
        """Run a statement and give its rows."""
        cursor = self.cursor(raw)
        try:
            cursor.execute(sql, parameters) if parameters else cursor.execute(sql)
            return cursor.fetchall() if cursor.description is not None else ()
        finally:
            cursor.close()


class SQLite(Driver):
    """The standard library's `sqlite3`, and what is like it."""

    def autocommits(self, raw: Any) -> bool:
        """It begins a transaction by itself before a change, unless it is told not to.

        Where its `autocommit` is `False` it has begun the next one before; who ends that by a statement
        is left without one.
        """
        native = _native(raw)
        return native.isolation_level is None or isinstance(_sqlite_autocommit(native), bool)

    def in_transaction(self, raw: Any) -> bool | None:
        """It knows."""
        return bool(_native(raw).in_transaction)

    def has_ended(self, raw: Any) -> bool:
        """With `autocommit=True` its methods do nothing, with `False` the next one is open already."""
        return not self.in_transaction(raw) or _sqlite_autocommit(_native(raw)) is not True

    def commits_before_scripts(self, raw: Any) -> bool:
        """It does, unless `autocommit` says who begins and ends transactions."""
        return _sqlite_autocommit(_native(raw)) is None

    def lastrowid(self, cursor: Any) -> Any:
        """It tells it."""
        return cursor.lastrowid

    def beginning(self, raw: Any) -> Callable[[str], str | None]:
        """As `sqlite3` does before a change, with the lock that the change would take next."""
        native = _native(raw)

        def begins(sql: str) -> str | None:
            if native.in_transaction:
                return ""
            if sql[:7] == "SELECT ":  # as most statements begin
                return None
            if _SQLITE_CHANGE.match(sql) is None or self.autocommits(raw):
                return None
            if _sqlite_autocommit(native) == "hidden":
                return ""  # it shows when the change is made
            return "BEGIN EXCLUSIVE" if native.isolation_level.upper() == "EXCLUSIVE" else "BEGIN IMMEDIATE"

        return begins

    def changes(self, raw: Any) -> int:
        """It counts them."""
        return int(_native(raw).total_changes)

    def refused(self, error: BaseException | None) -> bool:
        """SQLite couldn't compile it, or didn't see it at all.

        Whose parameters can't be bound is left without a transaction, too: `sqlite3` leaves an empty one.
        """
        return getattr(error, "sqlite_errorcode", None) in _SQLITE_REFUSED

    def cursor(self, raw: Any) -> Any:
        """One without a row factory."""
        cursor = raw.cursor()
        if raw is _native(raw):
            cursor.row_factory = None
        return cursor


class Psycopg(Driver):
    """psycopg 3."""

    def in_transaction(self, raw: Any) -> bool | None:
        """It knows: 0 is idle."""
        return bool(raw.info.transaction_status)

    def cursor(self, raw: Any) -> Any:
        """One of tuples."""
        if raw is not _native(raw):
            return raw.cursor()
        return raw.cursor(row_factory=sys.modules["psycopg.rows"].tuple_row)

    def returned(self, cursor: Any) -> Sequence[Sequence[Any]] | None:
        """All of them are here already."""
        return _peeked(cursor)

    def text(self, raw: Any, sql: Any) -> str:
        """Statements may be composed of objects."""
        return sql.as_string(raw) if hasattr(sql, "as_string") else super().text(raw, sql)


class Psycopg2(Psycopg):
    """psycopg 2."""

    def in_transaction(self, raw: Any) -> bool | None:
        """It knows: 0 is idle."""
        return bool(raw.get_transaction_status())

    def has_ended(self, raw: Any) -> bool:
        """With `autocommit` its methods do nothing."""
        return not raw.autocommit or bool(raw.closed) or raw.get_transaction_status() not in _PG_OPEN

    def cursor(self, raw: Any) -> Any:
        """One of tuples."""
        return raw.cursor(cursor_factory=sys.modules["psycopg2.extensions"].cursor)


class Asyncpg(Driver):
    """asyncpg, as SQLAlchemy makes a DB-API of it."""

    def returned(self, cursor: Any) -> Sequence[Sequence[Any]] | None:
        """All of them are here already."""
        return _peeked(cursor)


def _sqlite_autocommit(native: Any) -> bool | Literal["hidden"] | None:
    """What `sqlite3` of Python 3.12 and later was told; `None` where its `isolation_level` decides."""
    inner = getattr(native, "_conn", native)  # of aiosqlite
    try:
        told = getattr(inner, "autocommit", None)
    except inner.ProgrammingError:  # it says so in its own thread only
        return "hidden"
    return told if isinstance(told, bool) else None


def _native(raw: Any) -> Any:
    """The driver's own connection, inside of one that SQLAlchemy has adapted to the DB-API."""
    adapted = _is_adapted(type(raw))  # type: ignore[arg-type]  # classes are hashable, which mypy doubts
    return getattr(raw, "_connection", raw) if adapted else raw


@lru_cache(64)
def _is_adapted(cls: Hashable) -> bool:
    return getattr(cls, "__name__", "").startswith("AsyncAdapt")


def _peeked(cursor: Any) -> Sequence[Sequence[Any]] | None:
    """The rows of a cursor that has all of them."""
    if cursor.description is None:
        return None
    if type(cursor).__name__.startswith("AsyncAdapt"):
        return list(getattr(cursor, "_rows", ())) or None
    if getattr(cursor, "name", None):
        return None  # it lives on the server
    rows: list[Any] = cursor.fetchall()
    cursor.scroll(0, mode="absolute")
    return [tuple(row.values()) if isinstance(row, dict) else row for row in rows]


_KNOWN: dict[str, Driver] = {
    "sqlite3": SQLite("sqlite"),
    "aiosqlite": SQLite("sqlite"),
    "psycopg": Psycopg("postgres"),
    "psycopg2": Psycopg2("postgres"),
    "asyncpg": Asyncpg("postgres", "dollar"),
}


def driver_of(raw: Any) -> Driver | None:
    """The driver of a connection, by the module of its class or of a class that it is made from."""
    for cls in type(_native(raw)).__mro__:
        known = _KNOWN.get(cls.__module__.partition(".")[0].removeprefix("_"))
        if known is not None:
            return known
    return None


def asserted(raw: Any, dialect: Dialect | None, paramstyle: Paramstyle | None = None) -> Driver:
    """The driver of a connection, or what the DB-API says of any.

    Raises:
        ConfigurationError: It isn't known, and nothing says what it is connected to.
    """
    known = driver_of(raw)
    if known is not None:
        return known
    if dialect is None:
        raise ConfigurationError(
            f"{type(raw).__module__} is not a driver that is known: say what it is connected to, "
            'database=Database("postgres", paramstyle="format").'
        )
    return Driver(dialect, paramstyle)

"""Ordinary questions to PostgreSQL, through any driver of the DB-API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple, TypeAlias

from afresh.errors import ConfigurationError

Connect: TypeAlias = Callable[[], Any]
"""Opens a DB-API connection."""

SETTINGS = (
    "-c DateStyle=ISO -c IntervalStyle=postgres -c TimeZone=UTC -c extra_float_digits=1 "
    "-c bytea_output=hex -c client_encoding=UTF8"
)
"""One way of writing values, whatever the database's defaults are."""


class Server(NamedTuple):
    """Which life of which server this is: what was read in another one may be lost.

    Attributes:
        system: Of the cluster; a copy has the same.
        timeline: Raised when a replica takes over, or a backup is played back.
        started: When it was started: commits that were not yet on the disk are lost in a crash.
        database: Its name.
    """

    system: str
    timeline: int
    started: str
    database: str


class Asker:
    """A connection that asks, outside of any transaction.

    Args:
        connect: Opens it.
    """

    def __init__(self, connect: Connect) -> None:
        self._connection = connect()
        self._connection.autocommit = True
        self._cursor = self._connection.cursor()

    def rows(self, sql: str) -> Sequence[Sequence[Any]]:
        """The rows that a statement without parameters answers."""
        self._cursor.execute(sql)
        return [] if self._cursor.description is None else self._cursor.fetchall()

    def value(self, sql: str) -> Any:
        """The first value of the first row; None if there is none."""
        found = self.rows(sql)
        return found[0][0] if found else None

    def server(self) -> Server:
        """Which life of which server this is."""
        (row,) = self.rows(
            "SELECT (SELECT system_identifier::text FROM pg_control_system()),"
            " substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),"
            " extract(epoch FROM pg_postmaster_start_time())::text, current_database()::text"
        )
        return Server(str(row[0]), int(str(row[1]), 16), str(row[2]), str(row[3]))

    def close(self) -> None:
        """End it; trouble doesn't matter any more."""
        with suppress(Exception):  # it may be broken, in a driver's own way
            self._connection.close()


def connector(url: str) -> Connect:
    """What opens a connection to `url` by psycopg, or by psycopg2."""
    for name in ("psycopg", "psycopg2"):
        try:
            driver = import_module(name)
        except ImportError:
            continue
        return lambda: driver.connect(url, options=SETTINGS, application_name="afresh watch")
    raise ConfigurationError("watching PostgreSQL needs a driver: pip install 'afresh[postgres]'")


def state_of(error: BaseException) -> str:
    """The SQLSTATE of a driver's error; empty if it has none."""
    return str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")


def quoted(text: str) -> str:
    """Text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name, quoted."""
    return '"' + name.replace('"', '""') + '"'

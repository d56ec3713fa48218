"""The log, as it is read: what was written behind a position."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from afresh.db.watch.sqlite.layout import Layout
from afresh.db.watch.sqlite.triggers import LAYOUTS, LOG

_UNIX = 2440587.5  # the Julian day of 1970
_DAY = 86400.0
_AT_ONCE = 2000


class Position(NamedTuple):
    """A row of the log that was read: its number, and what only this one has.

    Another row of the same number is of another life of the database: a backup that was played back,
    another file in the place of the first.
    """

    number: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the log.

    Args:
        layout: The layout of its table; None for a row that says nothing.
        op: See `triggers`.
        mask: What changed.
        values: Before, or before and after.
        at: When it was written, in seconds since 1970.
    """

    layout: Layout | None
    op: str
    mask: int
    values: Sequence[Any]
    at: float


class Gap(Exception):
    """What stands behind a position isn't all there is."""


class Log:
    """The log of one database."""

    def __init__(self) -> None:
        self._layouts: dict[int, Layout] = {}

    @staticmethod
    def end(connection: sqlite3.Connection) -> Position | None:
        """The last row; None where there is no log."""
        try:
            row = connection.execute(f"SELECT id, nonce FROM {LOG} ORDER BY id DESC LIMIT 1").fetchone()  # noqa: S608
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return None
        return None if row is None else Position(*row)

    def since(self, connection: sqlite3.Connection, position: Position) -> Iterator[Change]:
        """What was written behind a position.

        Raises:
            Gap: The position isn't in this log, or not any more.
        """
        known = connection.execute(f"SELECT nonce FROM {LOG} WHERE id = ?", (position.number,)).fetchone()  # noqa: S608
        if known != (position.nonce,):
            raise Gap
        cursor = connection.execute(f"SELECT * FROM {LOG} WHERE id > ? ORDER BY id", (position.number,))  # noqa: S608
        while rows := cursor.fetchmany(_AT_ONCE):
            for _, _, at, layout, op, mask, *values in rows:
                known_as = self._layout(connection, layout) if layout else None
                yield Change(known_as, op, mask, values, (at - _UNIX) * _DAY)

    def _layout(self, connection: sqlite3.Connection, number: int) -> Layout:
        found = self._layouts.get(number)
        if found is None:
            row = connection.execute(f"SELECT layout FROM {LAYOUTS} WHERE number = ?", (number,)).fetchone()  # noqa: S608
            if row is None:
                raise Gap
            found = self._layouts[number] = Layout.read(row[0])
        return found

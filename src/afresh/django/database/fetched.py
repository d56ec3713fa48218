"""The rows that a write returns, read at once: they say what was written, and an unread write isn't over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, Self


class Fetched:
    """A cursor whose rows were read already; in all else it is the cursor.

    Args:
        cursor: The driver's cursor.
        rows: The rows; by default all that the cursor has.
        rest: There are more of them in the cursor.
        description: That of the rows, where the cursor is not the one that read them.
    """

    def __init__(
        self, cursor: Any, rows: list[Any] | None = None, *, rest: bool = False, description: Any = None
    ) -> None:
        self.cursor = cursor
        self.rows: list[Sequence[Any]] = list(cursor.fetchall()) if rows is None else rows
        self._left = chain(self.rows, _left_in(cursor)) if rest else iter(self.rows)
        if description is not None:
            self.description = description
            self.rowcount = len(self.rows)

    def fetchone(self) -> Any:
        """The next row."""
        return next(self._left, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows."""
        return list(islice(self._left, self.cursor.arraysize if size is None else size))

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        return list(self._left)

    def __iter__(self) -> Iterator[Any]:
        return self._left

    def __next__(self) -> Any:
        return next(self._left)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cursor.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)


def _left_in(cursor: Any) -> Iterator[Any]:
    while rows := cursor.fetchmany(cursor.arraysize):
        yield from rows

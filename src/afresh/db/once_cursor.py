"""Cursors of wrapped connections whose identical reads are answered once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Self

from afresh.db import once
from afresh.db.cursors import WrappedCursor
from afresh.db.memo import MOST_ROWS, Question


class OnceCursor(WrappedCursor):
    """A cursor that was made within `answered_once()`."""

    _columns: Any = None
    _count: int | None = None

    @property
    def description(self) -> Any:
        """Of the columns of the rows."""
        return self._raw.description if self._columns is None else self._columns

    @property
    def rowcount(self) -> int:
        """How many rows there are, or were changed."""
        count: int = self._raw.rowcount if self._count is None else self._count
        return count

    def execute(self, sql: Any, parameters: Any = (), *args: Any, **kwargs: Any) -> Self:
        """Execute a statement, or answer it from before."""
        given = (sql, parameters, *args) if parameters or args else (sql,)
        self._seen(sql, parameters or (), False, lambda: self._raw.execute(*given, **kwargs))
        return self

    def _seen(self, sql: Any, parameters: Any, many: bool, execute: Any) -> Any:
        memo = once.current.get()
        self._rows = self._columns = self._count = None
        self._finished()
        running = self._connection.before(sql, parameters, many=many)
        question = None
        if memo is not None and running is None and not many and not getattr(self._raw, "name", None):
            question = self._connection.question(memo, self._raw, sql, parameters)
        if question is None:
            return self._sent(running, execute)
        answer = question.answer()
        if answer is not None:
            self._columns, self._count, self._rows = answer.columns, len(answer.rows), iter(answer.given())
            return self
        result = self._sent(None, execute)
        self._keep(question)
        return result

    def _keep(self, question: Question) -> None:
        if self._raw.description is None:
            return
        rows = self._raw.fetchmany(MOST_ROWS + 1)
        if len(rows) > MOST_ROWS:
            self._rows = chain(rows, self._rest())
            return
        self._finished()
        question.remember(self._raw.description, rows)
        self._rows = iter(rows)

    def _rest(self) -> Iterator[Any]:
        while rows := self._raw.fetchmany(MOST_ROWS):
            yield from rows

"""What was asked of the database within one request, and may be answered from before."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ref

from afresh.core.tags import hashed
from afresh.db.connection import Connection
from afresh.db.database import Positions, positions
from afresh.db.marks import Running
from afresh.db.repeatable import key_of, locks, unchangeable
from afresh.engine.asking.confirm import sure
from afresh.engine.asking.tracker import asking
from afresh.engine.changes import capturing
from afresh.sql import Plan

MOST_ROWS = 1_000
"""A longer answer is not remembered."""

_MOST_ANSWERS = 500


@dataclass(slots=True)
class Answer:
    """What the database answered.

    Attributes:
        columns: The cursor's description.
        rows: All rows.
        frozen: Nobody can change what is in them.
        at: When it was asked, by the monotonic clock.
        connection: Whose answer it is: another one may have the number of one that is gone.
        transaction: That of the connection, if one was open.
        names: Of the tags of what it was read from.
        tables: The tables that it was read from.
        stamps: Where each ledger stood before it was asked.
    """

    columns: Any
    rows: list[Any]
    frozen: bool
    at: float
    connection: ref[Connection]
    transaction: object
    names: tuple[str, ...]
    tables: frozenset[str]
    stamps: Positions

    def given(self) -> list[Any]:
        """The rows for one caller."""
        return list(self.rows) if self.frozen else copy.deepcopy(self.rows)


class Memo:
    """What was asked within one block.

    Args:
        max_age: Seconds after which a read is asked again.

    Attributes:
        hits: Reads that the database was spared.
    """

    def __init__(self, max_age: float) -> None:
        self.max_age = max_age
        self.hits = 0
        self.drops = 0
        self.unsettled: set[str] = set()
        self.closed = False
        self.answers: dict[tuple[Any, ...], Answer] = {}

    def question(self, connection: Connection, cursor: Any, sql: str, parameters: Any) -> Question | None:
        """What a statement asks that only reads; `None` where its answer can't be remembered.

        Args:
            connection: Whose statement it is.
            cursor: The driver's cursor: it says what rows are made of.
            sql: Its text.
            parameters: Its parameters.
        """
        plan = _certain_plan(connection, sql)
        if plan is None:
            return None
        facts = plan.facts
        if self.closed or facts.kind != "read" or not facts.reads or facts.uncacheable or facts.clock:
            return None
        if locks(sql):
            return None
        values = key_of(parameters)
        if values is None:
            return None
        tables = tables_read(plan)
        if tables & self.unsettled:
            return None
        key = (id(connection), type(cursor), getattr(cursor, "row_factory", None), sql, values)
        return Question(self, connection, key, plan, parameters, tables)

    def wrote(self, running: Running) -> None:
        """A statement is about to be sent that does more than read, or was sent: call this both times."""
        facts = running.plan.facts
        if facts.kind == "transaction":
            return  # an answer belongs to the transaction in which it was asked for
        self.drops += 1
        if running.plan.effects_unknown or running.plan.reshapes or facts.kind == "session":
            self.closed = True
            self.answers.clear()
            return
        tables = {write.table.name for write in facts.writes} | facts.whole
        if running.alone is None:
            self.unsettled |= tables
        for key, answer in list(self.answers.items()):
            if answer.tables & tables:
                self.answers.pop(key, None)


class Question:
    """One read, before it is asked."""

    __slots__ = ("_at", "_connection", "_drops", "_key", "_memo", "_names", "_stamps", "_tables")

    def __init__(
        self,
        memo: Memo,
        connection: Connection,
        key: tuple[Any, ...],
        plan: Plan,
        parameters: Any,
        tables: frozenset[str],
    ) -> None:
        self._memo = memo
        self._connection = connection
        self._key = key
        self._names = plan.carried(parameters)
        self._tables = tables
        self._drops = memo.drops
        self._at = time.monotonic()
        self._stamps = positions()

    def answer(self) -> Answer | None:
        """What was answered before, if that still holds."""
        memo = self._memo
        answer = memo.answers.get(self._key)
        if answer is None:
            return None
        connection = self._connection
        same = answer.connection() is connection and answer.transaction is connection.transaction
        if not same or not self._holds(answer):
            memo.answers.pop(self._key, None)
            return None
        if not _inherited(answer):
            return None
        memo.hits += 1
        return answer

    def _holds(self, answer: Answer) -> bool:
        if self._at - answer.at > self._memo.max_age:
            return False
        hashes: frozenset[int] = frozenset()
        for engine in capturing.engines():
            stamp = answer.stamps.get(engine.ledger.epoch)
            if stamp is None or not sure(engine):
                return False
            if stamp == self._stamps.get(engine.ledger.epoch) and engine.backend.proven():
                continue
            hashes = hashes or frozenset(map(hashed, answer.names))
            proof = engine.ledger.prove(hashes, stamp)
            if proof is None or proof.held:
                return False
        return True

    def remember(self, columns: Any, rows: Sequence[Any]) -> None:
        """All rows that the database answered."""
        memo = self._memo
        if memo.drops != self._drops or memo.closed:
            return  # something was written while it was asked
        frozen = all(map(unchangeable, rows))
        try:
            kept = list(rows) if frozen else copy.deepcopy(list(rows))
        except Exception:
            return
        while len(memo.answers) >= _MOST_ANSWERS:
            memo.answers.pop(next(iter(memo.answers)), None)
        memo.answers[self._key] = Answer(
            columns,
            kept,
            frozen,
            self._at,
            ref(self._connection),
            self._connection.transaction,
            self._names,
            self._tables,
            self._stamps,
        )


def _certain_plan(connection: Connection, sql: str) -> Plan | None:
    """The plan of a statement, if it is known what its names mean."""
    if connection._odd or (connection._own is None and connection.database.planner is None):
        return None
    return connection._planner().plan(sql)


def tables_read(plan: Plan) -> frozenset[str]:
    """The names of the tables that a read reads."""
    return frozenset(read.table for read in plan.facts.reads)


def _inherited(answer: Answer) -> bool:
    """Tell a load that what it reads is from before; `False` if that can't be told."""
    tracker = asking()
    if tracker is None:
        return True
    stamp = answer.stamps.get(tracker.ledger.epoch)
    if stamp is None:
        return not capturing.hears_captured_writes(tracker.ledger)
    tracker.stamp = min(tracker.stamp, stamp)
    return True

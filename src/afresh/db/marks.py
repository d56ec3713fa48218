"""A statement that changes something becomes the names of the tags that it marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from afresh.core.events import Event, Kind
from afresh.db import steps
from afresh.db.writing import DatabaseTransaction
from afresh.engine.changes import capturing
from afresh.sql import Catalogue, Plan
from afresh.sql.tags.labels import labels
from afresh.sql.tags.marking import MANY_TAGS, Image

_LONG = 200  # characters of a statement in an event


@dataclass(slots=True)
class Running:
    """A statement under way that is not just a read.

    Attributes:
        plan: Its plan.
        sql: Its text.
        parameters: Its parameters, or with `many` a list of them.
        many: It is executed once for each of them.
        alone: Outside of a transaction: what it is by itself.
        wrapped: A transaction was begun for it.
        old: The rows that it is about to change, if all of them are known.
    """

    plan: Plan
    sql: str
    parameters: Any
    many: bool = False
    alone: DatabaseTransaction | None = None
    wrapped: bool = False
    old: list[Image] | None = None


def marked(
    running: Running, database: str, rowcount: int | None = None, new: list[Image] | None = None
) -> Sequence[str]:
    """The tags that a statement marks, as far as that is known of it.

    Args:
        running: The statement.
        database: The database's name in tags.
        rowcount: As its cursor tells it.
        new: The rows that it left.
    """
    if running.many:
        return _by_many(running.plan, running.parameters, database)
    count = rowcount if rowcount is not None and rowcount >= 0 else None
    return running.plan.marked(running.parameters, old=running.old, new=new, count=count)


def everything(running: Running, database: str, catalogue: Catalogue, reason: str) -> Sequence[str]:
    """Nobody knows what a statement changes: every table, and what it says itself. This is told."""
    for engine in capturing.engines():
        if engine.events:
            detail = {"statement": running.sql[:_LONG]}
            engine.events.emit(
                Event(Kind.INVALIDATE, "ledger", reason=f"everything: {reason}", detail=detail)
            )
    own = running.plan.marked(() if running.many else running.parameters)
    return [*_whole(database, (table.name for table in catalogue.tables())), *own]


def inserted(
    running: Running, rowcount: int | None, lastrowid: Any, rows: Sequence[Sequence[Any]] | None
) -> list[Image] | None:
    """The rows that an INSERT left, as far as the driver tells."""
    plan = running.plan
    if not plan.numbered or running.many:
        return None
    columns = steps.returned(running.sql) if rows else ()
    if rows and plan.numbered in columns and rowcount in {len(rows), -1, None}:
        return [dict(zip(columns, row, strict=True)) for row in rows]
    return [{plan.numbered: lastrowid}] if lastrowid and rowcount == 1 else None


def _by_many(plan: Plan, parameters: Sequence[Any], database: str) -> Sequence[str]:
    """The tags of a statement that is executed many times; of very many, whole tables."""
    names = dict.fromkeys(name for each in parameters[:MANY_TAGS] for name in plan.marked(each))
    if len(parameters) > MANY_TAGS:
        written = (write.table.name for write in plan.facts.writes)
        names.update(dict.fromkeys(_whole(database, written)))
    return tuple(names)


def _whole(database: str, tables: Iterator[str]) -> Iterator[str]:
    for name in tables:
        yield from labels(database, name).whole

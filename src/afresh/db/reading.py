"""A statement that is read becomes dependencies of whoever is asking."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from afresh.db.database import Database
from afresh.db.writing import DatabaseTransaction
from afresh.engine.asking.tracker import Tracker
from afresh.sql.plan import Plan
from afresh.sql.tags.bounds import Bounded
from afresh.sql.text.clock import is_present
from afresh.sql.text.shape import CLOCK_WORDS

MOST_READ = 2048
"""Of so many tags of one table a result depends on the table."""

_LONGEST_WORD = 24  # of those that mean the present, with blanks around it
_TIMELESS = frozenset({int, float, bool, type(None), bytes})


def record(
    database: Database, plan: Plan, parameters: Any, tracker: Tracker, transaction: DatabaseTransaction | None
) -> None:
    """Note what a statement that is about to be sent depends on.

    Args:
        database: Of the connection.
        plan: Of the statement.
        parameters: Of its execution.
        tracker: Of the load or scope that runs it.
        transaction: That of the connection, if one is open.
    """
    if plan.facts.uncacheable:
        tracker.refuse(plan.facts.uncacheable)
    named = tracker.named
    named.update(plan.carried(parameters))
    named.add(database.schema_tag)
    if len(named) > tracker.crowded:
        thin_out(tracker)
    if plan.aged or asks_for_now(parameters, database):
        tracker.cap(database.now() + database.unseen_ttl)
    if database.lag is not None:
        database.lag.is_read_by(tracker, database.now())
    if transaction is not None:
        transaction.is_read_by(tracker)


def asks_for_now(parameters: Any, database: Database) -> bool:
    """Whether a parameter is the present. Most are nothing like a time, and cost next to nothing."""
    for value in parameters.values() if type(parameters) is dict else parameters or ():
        kind = type(value)
        if kind in _TIMELESS or (kind is str and not _may_be_time(value)):
            continue
        return is_present(parameters, datetime.fromtimestamp(database.now()).astimezone())
    return False


def _may_be_time(text: str) -> bool:
    return (len(text) >= 10 and text[4] == "-") or (len(text) <= _LONGEST_WORD and _means_now(text))


@lru_cache(4096)
def _means_now(text: str) -> bool:
    return text.strip().lower() in CLOCK_WORDS


def thin_out(tracker: Tracker) -> None:
    """Make the names of a tracker fewer: of many of one table, the table."""
    databases: dict[str, Bounded] = {}
    fine = [name for name in list(tracker.named) if name.startswith(("row:", "table:"))]
    for name in fine:
        database = name.split(":", 2)[1]
        databases.setdefault(database, Bounded(database, most=MOST_READ)).add((name,))
    coarse = {name for each in databases.values() for name in each.names()}
    tracker.named |= coarse  # before anything is taken away: it never depends on less
    tracker.named -= set(fine) - coarse
    tracker.crowded = 2 * len(tracker.named) + MOST_READ

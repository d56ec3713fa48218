"""A statement that is read becomes dependencies of whoever is asking."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from afresh.db.database import Database
from afresh.db.writing import DatabaseTransaction
from afresh.engine.tracker import Tracker
from afresh.sql.bounds import Bounded
from afresh.sql.clock import is_present
from afresh.sql.plan import Plan

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
    facts = plan.facts
    if facts.uncacheable:
        tracker.refuse(facts.uncacheable)
    named = tracker.named
    named.update(plan.carried(parameters))
    named.add(database.schema_tag)
    if len(named) > tracker.crowded:
        thin_out(tracker)
    if facts.clock or plan.volatile or asks_for_now(parameters):
        tracker.cap(database.now() + database.unseen_ttl)
    if transaction is not None:
        transaction.is_read_by(tracker)


def asks_for_now(parameters: Any) -> bool:
    """Whether a parameter is the present."""
    for value in parameters.values() if isinstance(parameters, Mapping) else parameters or ():
        if type(value) not in _TIMELESS and (type(value) is not str or len(value) >= 3):
            return is_present(parameters, datetime.now().astimezone())
    return False


def thin_out(tracker: Tracker) -> None:
    """Make the names of a tracker fewer: of many of one table, the table."""
    databases: dict[str, Bounded] = {}
    fine = [name for name in list(tracker.named) if name.startswith(("row:", "table:"))]
    for name in fine:
        database = name.split(":", 2)[1]
        databases.setdefault(database, Bounded(database)).add((name,))
    coarse = {name for each in databases.values() for name in each.names()}
    tracker.named |= coarse  # before anything is taken away: it never depends on less
    tracker.named -= set(fine) - coarse
    tracker.crowded = 2 * len(tracker.named) + 256

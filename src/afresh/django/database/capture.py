"""Django's connections, watched: every statement by an execute wrapper, the ends of transactions by their methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connections
from django.db.backends.signals import connection_created

from afresh.django.database.databases import database_of
from afresh.django.database.watched import WatchedConnection
from afresh.engine.asking.tracker import asking

_ATTRIBUTE = "_afresh"


def watch_connections() -> None:
    """Watch the connections that are open, and those that will be opened."""
    connection_created.connect(_created, dispatch_uid="afresh.django")
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            watch(connection)


def _created(connection: Any, **_: Any) -> None:
    watch(connection)


def watch(connection: Any) -> None:
    """Watch one connection, from a new beginning if it was watched before."""
    former: WatchedConnection | None = getattr(connection, _ATTRIBUTE, None)
    database = database_of(connection)
    if former is not None:
        former.reopened(database)
    elif database is not None:
        setattr(connection, _ATTRIBUTE, WatchedConnection(connection, database))
    elif refuse not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, refuse)


def refuse(execute: Callable[..., Any], *given: Any) -> Any:
    """The execute wrapper of a database that can't be watched: what is made from it is not kept."""
    tracker = asking()
    if tracker is not None:
        connection = given[-1]["connection"]
        tracker.refuse(
            f"the database {connection.alias!r} is a {connection.display_name}, which isn't watched"
        )
    return execute(*given)


def watched(connection: Any) -> WatchedConnection | None:
    """What watches a connection."""
    return getattr(connection, _ATTRIBUTE, None)

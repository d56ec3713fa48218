"""Which databases Django's aliases mean, and their names in tags."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from afresh.db import Database
from afresh.django.settings import given, volatile
from afresh.sql.planner import Dialect

DIALECTS: dict[str, Dialect] = {"sqlite": "sqlite", "postgresql": "postgres"}
"""The dialect of each of Django's vendors that is understood."""

_lock = threading.Lock()
_databases: dict[tuple[Any, ...], Database] = {}


def database_of(connection: Any) -> Database | None:
    """The database of a connection, one object for all threads; None if its dialect isn't understood."""
    dialect = DIALECTS.get(connection.vendor)
    if dialect is None:
        return None
    lag = given("REPLICA_LAG", {}).get(connection.alias)
    key = (name_of(connection.alias), lag, *_place(connection.alias, connection.settings_dict))
    with _lock:
        if key not in _databases:
            _databases[key] = _opened(connection, dialect, key[0], lag)
        return _databases[key]


def _opened(connection: Any, dialect: Dialect, name: str, lag: Any) -> Database:
    return Database(
        dialect,
        name=name,
        replica_lag=lag,
        paramstyle="format",
        volatile=volatile(connection.alias),
        old_images=bool(given("OLD_IMAGES", True)),
        unseen_ttl=given("UNSEEN_TTL", 60.0),
    )


def name_of(alias: str) -> str:
    """The name of a database in tags: that of the first alias that means it; the default one has none."""
    alias = given("DATABASES", {}).get(alias, alias)
    settings: Any = connections.settings  # a cached property: its type says nothing
    if alias in settings:
        place = _place(alias, settings[alias])
        alias = next(each for each in (DEFAULT_DB_ALIAS, *settings) if _place(each, settings[each]) == place)
    return "" if alias == DEFAULT_DB_ALIAS else alias


def _place(alias: str, settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """Where a database is. What lives in memory is another one for each alias."""
    name = str(settings.get("NAME") or "")
    return (
        settings.get("ENGINE", ""),
        name,
        settings.get("HOST", ""),
        str(settings.get("PORT", "")),
        alias if not name or ":memory:" in name or "mode=memory" in name else "",
    )

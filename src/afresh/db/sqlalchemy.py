"""SQLAlchemy 2: ORM, Core and text, on engines and on asyncio's engines.

::

    engine = create_engine("postgresql+psycopg://…")
    afresh.db.sqlalchemy.instrument(engine)

Whatever a session or a connection of it reads becomes what a cached function depends on. What it
writes is announced when it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, ExceptionContext
from sqlalchemy.util import concurrency

from afresh.db import drivers, once
from afresh.db.database import Database
from afresh.db.driving import Driven
from afresh.db.marks import Running
from afresh.db.sqlalchemy_once import Answering
from afresh.errors import ConfigurationError
from afresh.runtime.drive import drive
from afresh.sql.lexer import Paramstyle
from afresh.sql.planner import Dialect

_DIALECTS: dict[str, Dialect] = {"sqlite": "sqlite", "postgresql": "postgres"}
_STYLES: dict[str, Paramstyle] = {
    "qmark": "qmark",
    "named": "named",
    "numeric": "numeric",
    "format": "format",
    "pyformat": "pyformat",
    "numeric_dollar": "dollar",
}
_HERE = "afresh"


def instrument(engine: Any, database: Database | None = None) -> Database:
    """See every statement of an engine from now on.

    Args:
        engine: An `Engine` or an `AsyncEngine`.
        database: What is known of the database; by default one made for this engine. Give several
            engines of one database the same.

    Returns:
        The database.

    Raises:
        ConfigurationError: The engine's dialect isn't known, or it is instrumented already.
    """
    engine = getattr(engine, "sync_engine", engine)
    if database is None:
        database = Database(_dialect(engine), paramstyle=_STYLES[engine.dialect.paramstyle])
    if getattr(engine.dialect.do_commit, _HERE, None) is not None:
        raise ConfigurationError(f"{engine!r} is instrumented already.")
    _Instrumented(engine, database)
    return database


def _dialect(engine: Engine) -> Dialect:
    known = _DIALECTS.get(engine.dialect.name)
    if known is None:
        raise ConfigurationError(
            f"{engine.dialect.name!r} is not a dialect that is known: there are {', '.join(_DIALECTS)}."
        )
    return known


class _Instrumented:
    """What one engine's connections tell."""

    def __init__(self, engine: Engine, database: Database) -> None:
        self._database = database
        self._async = bool(engine.dialect.is_async)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "begin", self._begin)
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        event.listen(engine, "handle_error", self._failed)
        self._answering = Answering(engine, self._driven, _RUNNING)
        dialect = cast("Any", engine.dialect)
        # There is no event *after* COMMIT: these are what all ways to it end in, the pool's too.
        dialect.do_commit = self._committing(dialect.do_commit)
        dialect.do_rollback = self._rolling_back(dialect.do_rollback)

    def _driven(self, connection: Connection) -> Driven:
        info = connection.connection.info
        driven = info.get(_HERE)
        if driven is None:
            driven = info[_HERE] = self._made(connection.connection.dbapi_connection)
        return cast("Driven", driven)

    def _made(self, raw: Any) -> Driven:
        driver = drivers.asserted(raw, self._database.dialect, self._database.paramstyle)
        if not self._async:
            return Driven(raw, self._database, driver)

        async def run(sql: str, parameters: Any) -> Any:
            return await concurrency.greenlet_spawn(driver.rows, raw, sql, parameters)

        return Driven(raw, self._database, driver, _wait, run)

    # -- statements -----------------------------------------------------------------------------------

    def _before(
        self, connection: Connection, cursor: Any, sql: str, parameters: Any, context: Any, many: bool
    ) -> None:
        driven = self._driven(connection)
        _give_up(connection)
        running = driven.before(sql, parameters, many=many)
        if running is not None:
            connection.info[_RUNNING] = running
        if once.current.get() is not None:
            self._answering.before(connection, cursor, sql, parameters, context, many)

    def _after(
        self, connection: Connection, cursor: Any, sql: str, parameters: Any, context: Any, many: bool
    ) -> None:
        running: Running | None = connection.info.pop(_RUNNING, None)
        if running is not None:
            self._driven(connection).after(running, cursor)
        if once.current.get() is not None:
            self._answering.after(connection, cursor, sql, parameters, context, many)

    def _failed(self, context: ExceptionContext) -> None:
        if context.connection is not None:
            _give_up(context.connection)
        self._answering.failed(context)

    def _begin(self, connection: Connection) -> None:
        self._driven(connection).may_look_back()

    # -- transactions ---------------------------------------------------------------------------------

    def _committing(self, commit: Callable[[Any], None]) -> Callable[[Any], None]:
        def do_commit(connection: Any) -> None:
            driven = _of(connection)
            if driven is None:
                commit(connection)
            else:
                driven.committing(lambda: commit(connection))

        setattr(do_commit, _HERE, True)
        return do_commit

    def _rolling_back(self, rollback: Callable[[Any], None]) -> Callable[[Any], None]:
        def do_rollback(connection: Any) -> None:
            rollback(connection)
            driven = _of(connection)
            if driven is not None:
                driven.statements.after_rollback()

        return do_rollback


_RUNNING = "afresh.running"


def _of(connection: Any) -> Driven | None:
    try:
        info = getattr(connection, "info", None)
    except NotImplementedError:  # a dialect that makes itself acquainted with its database
        return None
    return info.get(_HERE) if isinstance(info, dict) else None


def _give_up(connection: Connection) -> None:
    """A statement has failed, or was cancelled before this one."""
    running: Running | None = connection.info.pop(_RUNNING, None)
    if running is not None:
        driven = _of(connection.connection)
        if driven is not None:
            driven.failed(running)


def _wait(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Wait without blocking the event loop, where SQLAlchemy runs on one."""
    return concurrency.await_only(coroutine) if concurrency.in_greenlet() else drive(coroutine)

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

from sqlalchemy.engine import Engine
from sqlalchemy.util import concurrency

from afresh.db import drivers, once
from afresh.db.database import Database
from afresh.db.driving import Driven
from afresh.db.marks import Running
from afresh.db.sqlalchemy_once import answered_once
from afresh.errors import ConfigurationError
from afresh.runtime.drive import drive
from afresh.sql.planner import Dialect
from afresh.sql.text.lexer import Paramstyle

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
    """What one engine's connections tell.

    By what the dialect does, not by events: one listener of those costs each statement of the engine
    several microseconds, and there is none *after* COMMIT. All ways to it, the pool's too, end here.
    """

    def __init__(self, engine: Engine, database: Database) -> None:
        self._database = database
        self._async = bool(engine.dialect.is_async)
        dialect = cast("Any", engine.dialect)
        if engine.dialect.name == "sqlite":
            dialect.do_begin = self._beginning(dialect.do_begin)
        dialect.do_execute = self._executing(dialect.do_execute)
        dialect.do_execute_no_params = self._executing_plainly(dialect.do_execute_no_params)
        dialect.do_executemany = self._executing(dialect.do_executemany, many=True)
        dialect.do_commit = self._committing(dialect.do_commit)
        dialect.do_rollback = self._rolling_back(dialect.do_rollback)

    def _driven(self, connection: Any) -> Driven | None:
        """What follows a connection; none while the dialect makes itself acquainted with the database."""
        try:
            info = connection.info
        except NotImplementedError:
            return None
        driven = info.get(_HERE)
        if driven is None:
            driven = info[_HERE] = self._made(connection.dbapi_connection)
        return cast("Driven", driven)

    def _made(self, raw: Any) -> Driven:
        driver = drivers.asserted(raw, self._database.dialect, self._database.paramstyle)
        if not self._async:
            return Driven(raw, self._database, driver)

        async def run(sql: str, parameters: Any) -> Any:
            return await concurrency.greenlet_spawn(driver.rows, raw, sql, parameters)

        return Driven(raw, self._database, driver, _wait, run)

    # -- statements -----------------------------------------------------------------------------------

    def _executing(self, execute: Callable[..., None], *, many: bool = False) -> Callable[..., None]:
        def do_execute(cursor: Any, sql: str, parameters: Any, context: Any = None) -> None:
            if context is None:  # the dialect asks for itself
                execute(cursor, sql, parameters, context)
            else:
                self._seen(
                    cursor, sql, parameters, context, many, lambda: execute(cursor, sql, parameters, context)
                )

        return do_execute

    def _executing_plainly(self, execute: Callable[..., None]) -> Callable[..., None]:
        def do_execute_no_params(cursor: Any, sql: str, context: Any = None) -> None:
            if context is None:
                execute(cursor, sql, context)
            else:
                self._seen(cursor, sql, (), context, False, lambda: execute(cursor, sql, context))

        return do_execute_no_params

    def _seen(
        self, cursor: Any, sql: str, parameters: Any, context: Any, many: bool, send: Callable[[], None]
    ) -> None:
        driven = self._driven(context.root_connection.connection)
        if driven is None:
            send()
            return
        running = driven.before(sql, parameters, many=many)
        memo = once.current.get()
        if running is not None:
            _change(driven, running, cursor, send)
        elif (
            memo is None or many or context._is_server_side or context.execution_options.get("stream_results")
        ):
            send()
        else:
            question = memo.question(driven.statements.connection, cursor, sql, parameters)
            answered_once(question, cursor, context, send)

    def _beginning(self, begin: Callable[[Any], None]) -> Callable[[Any], None]:
        def do_begin(connection: Any) -> None:
            driven = self._driven(connection)
            if driven is not None:
                driven.may_look_back()
            begin(connection)

        return do_begin

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
                driven.rolled_back()

        return do_rollback


def _change(driven: Driven, running: Running, cursor: Any, send: Callable[[], None]) -> None:
    """Send a statement that may do more than read."""
    try:
        send()
    except BaseException:
        driven.failed(running)
        raise
    driven.after(running, cursor)


def _of(connection: Any) -> Driven | None:
    try:
        info = getattr(connection, "info", None)
    except NotImplementedError:  # a dialect that makes itself acquainted with its database
        return None
    return info.get(_HERE) if isinstance(info, dict) else None


def _wait(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Wait without blocking the event loop, where SQLAlchemy runs on one."""
    return concurrency.await_only(coroutine) if concurrency.in_greenlet() else drive(coroutine)

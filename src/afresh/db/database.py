"""One database, as all connections of this process to it share it: its name in tags, its schema, its plans."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

from afresh.core.durations import Duration, seconds
from afresh.core.ports import Ledger
from afresh.core.tags import hashed
from afresh.db.lag import Lag
from afresh.engine.changes import capturing
from afresh.errors import ConfigurationError
from afresh.runtime.clock import SYSTEM_CLOCK, Clock
from afresh.runtime.fork import on_fork
from afresh.sql import Catalogue, Planner, postgres_schema, sqlite_schema
from afresh.sql.planner import Dialect
from afresh.sql.schema.catalogue import Purity
from afresh.sql.text.lexer import Paramstyle

Run: TypeAlias = Callable[[str, Any], Sequence[Sequence[Any]]]
"""Runs a statement on the connection, unseen by the capture, and gives all its rows (none: empty)."""

AsyncRun: TypeAlias = Callable[[str, Any], Awaitable[Sequence[Sequence[Any]]]]
"""The same as a coroutine."""

Positions: TypeAlias = Mapping[int, int]
"""Where each open ledger stands, by its epoch."""


class Database:
    """A database whose reads and writes are watched.

    Attributes:
        planner: What plans its statements; `None` while its schema has to be asked for.
        schema_tag: Marked when the schema changes.

    Args:
        dialect: `sqlite` or `postgres`.
        name: Its name in tags (`db=` of `Row`); the default database has none. Whoever invalidates
            by hand, or watches it from outside, uses the same one.
        paramstyle: How parameters stand in statements; by default the usual style of the dialect.
        path: Schemas in which bare names are looked for; by default the default one.
        volatile: Columns that change all the time (`{"product": ["views"]}`): no result is dropped
            because of them, but one that reads them lives for `unseen_ttl` at most.
        functions: What functions of your own may do: `pure`, `clock`, `reads` or `unknown`.
        old_images: Look at the rows that an UPDATE or DELETE is about to change: one short query
            more, without which such a write drops what depends on any row of the table.
        watched: A `Watcher`, or `Versions`, follows it (PostgreSQL): before COMMIT, one short statement tells
            them what is announced here already, so that they don't announce it once more.
        unseen_ttl: How long a result may live that depends on what no write announces: the clock,
            volatile columns. 60 seconds by default.
        replica_lag: It is a read replica, and never further behind than this: what is read there is
            not kept as long as a change may be on its way. Changes are captured where they are made.
        catalogue: Its schema, if it shall not be asked for.
        clock: What tells the time.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        name: str = "",
        paramstyle: Paramstyle | None = None,
        path: Sequence[str] = (),
        volatile: Mapping[str, Collection[str]] | None = None,
        functions: Mapping[str, Purity] | None = None,
        old_images: bool = True,
        watched: bool = False,
        unseen_ttl: Duration = 60.0,
        replica_lag: Duration | None = None,
        catalogue: Catalogue | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if dialect not in {"sqlite", "postgres"}:
            raise ConfigurationError(f"dialect={dialect!r}: write 'sqlite' or 'postgres'.")
        if ":" in name:
            raise ConfigurationError(f"name={name!r}: a database's name has no colon.")
        self.dialect: Dialect = dialect
        self.name = name
        self.paramstyle: Paramstyle | None = paramstyle
        self.path = tuple(path)
        self.old_images = old_images
        self.watched = watched and dialect == "postgres"
        self.unseen_ttl = seconds(unseen_ttl, "unseen_ttl")
        self.lag = None if replica_lag is None else Lag(seconds(replica_lag, "replica_lag"))
        self.now = clock.now
        self.schema_tag = f"schema:{name}"
        self._schema_tags = frozenset({hashed(self.schema_tag)})
        self._volatile = volatile
        self._functions = functions
        self._given = catalogue
        self._lock = threading.Lock()
        self._seen: dict[int, int] = {}
        self._positions: dict[int, int] = {}
        self.planner = None if catalogue is None else self.planned_by(catalogue)
        on_fork(self)

    def planned_by(self, catalogue: Catalogue) -> Planner:
        """A planner for this schema of it."""
        return Planner(
            self.dialect, catalogue, database=self.name, path=self.path, paramstyle=self.paramstyle
        )

    def catalogue(self, query: Callable[[str], Sequence[Sequence[Any]]]) -> Catalogue:
        """Its schema, asked of the database itself."""
        if self.dialect == "sqlite":
            return sqlite_schema(query, volatile=self._volatile, functions=self._functions)
        default = self.path[0] if self.path else "public"
        return postgres_schema(query, default=default, volatile=self._volatile)

    def load(self, run: Run) -> Planner:
        """Ask for its schema, and plan by it from now on."""
        before = positions()
        planner = self.planned_by(self._given or self.catalogue(lambda sql: run(sql, ())))
        self.adopt(planner, before)
        return planner

    async def load_async(self, run: AsyncRun) -> Planner:
        """`load`, for a driver of coroutines."""
        before = positions()
        planner = await self.planner_for(run)
        self.adopt(planner, before)
        return planner

    async def planner_for(self, run: AsyncRun) -> Planner:
        """A planner for the schema as one connection sees it; it stays that connection's own."""
        answers: dict[str, Sequence[Sequence[Any]]] = {}
        while True:  # the schema is read by plain functions: they are run again with what they lacked
            try:
                return self.planned_by(self._given or self.catalogue(_Answers(answers)))
            except _Unanswered as missing:
                answers[missing.sql] = await run(missing.sql, ())

    def adopt(self, planner: Planner, seen: Positions) -> None:
        """Plan by this from now on: the schema as it was seen at these positions."""
        with self._lock:
            self.planner = planner
            self._seen = dict(seen)
            self._positions = dict(seen)

    def forget(self) -> None:
        """The schema has changed, or may have: ask for it again before the next statement."""
        if self._given is None:
            with self._lock:
                self.planner = None

    def check(self) -> None:
        """Forget the schema if somebody, anywhere, announced another one."""
        for engine in capturing.engines():
            self.knows_schema_at(engine.ledger)

    def knows_schema_at(self, ledger: Ledger) -> bool:
        """Whether no other schema was announced in a ledger; else it is forgotten. Quick while nothing moves."""
        epoch, position = ledger.epoch, ledger.position()
        if self._positions.get(epoch) == position or self._given is not None:
            return True
        since = self._seen.get(epoch)
        if since is None:
            unheard = capturing.hears_captured_writes(ledger)
        else:
            unheard = ledger.prove(self._schema_tags, since) is None
        if unheard:
            self.forget()
        else:
            self._positions[epoch] = position
        return not unheard

    def after_fork(self) -> None:
        """The lock may have been held by a thread that doesn't exist here."""
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Database {self.name or 'default'} ({self.dialect})>"


class _Unanswered(Exception):
    """A query whose answer isn't there yet."""

    def __init__(self, sql: str) -> None:
        self.sql = sql


class _Answers:
    """The answers to queries that were sent already."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        self._answers = answers

    def __call__(self, sql: str) -> Sequence[Sequence[Any]]:
        answer = self._answers.get(sql)
        if answer is None:
            raise _Unanswered(sql)
        return answer


def positions() -> dict[int, int]:
    """Where each open ledger stands now, by its epoch."""
    return {engine.ledger.epoch: engine.ledger.position() for engine in capturing.engines()}

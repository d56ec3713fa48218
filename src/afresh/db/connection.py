"""One connection: its open transaction, and what each of its statements means for it.

Coroutines, since a ledger may be on a server; a driver that blocks has them driven.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from afresh.db import steps
from afresh.db.database import Database, Run
from afresh.db.marks import Running, everything, inserted, marked
from afresh.db.reading import record
from afresh.db.writing import DatabaseTransaction
from afresh.engine.asking.tracker import Tracker, asking, current
from afresh.sql import NOTHING, Plan, Planner
from afresh.sql.tags.marking import MANY_TAGS, Image

_LOOK = "afresh_look"
_FEW_ROWS = MANY_TAGS  # an old image of more rows would be more tags than are kept


class Connection:
    """What one connection has under way.

    Args:
        database: What it is connected to.
        run: Runs a statement on it, unseen, and gives its rows; `None` where that needs a coroutine.
        run_async: The same for coroutines, where they need another one.

    Attributes:
        transaction: The open one, if any.
    """

    def __init__(
        self,
        database: Database,
        run: Run | None,
        run_async: Callable[[str, Any], Any] | None = None,
    ) -> None:
        self.database = database
        self.transaction: DatabaseTransaction | None = None
        self._run = run
        self._run_async: Callable[[str, Any], Any] = run_async or run or _nothing
        self._own: Planner | None = None  # of a schema that is not committed yet
        self._odd = ""  # why the meaning of names isn't known on this connection
        self._own_is_old = False
        self._owed: tuple[str, ...] = ()

    # -- plans --------------------------------------------------------------------------------------

    def _planner(self) -> Planner:
        return self._own or self.database.planner or self._load()

    def _load(self) -> Planner:
        """Ask for the schema. If that can't be done now, the statement itself shall say why."""
        with suppress(Exception):
            if self._run is not None:
                return self.database.load(self._run)
        # By names alone: nothing that is read is kept, and of what is written the table is marked.
        return self.database.planned_by(NOTHING)

    def reads(self, sql: str, parameters: Any, many: bool) -> Running | None:
        """Note what a statement reads. If it may do more than read, what `before` asks for."""
        # The way of every statement of the program, so it asks for nothing twice.
        planner = self._own or self.database.planner or self._load()
        plan = planner.plan(sql)
        tracker = current.get()
        if tracker is not None and not plan.step:
            plan = self._recorded(plan, tracker, sql, parameters, many)
        return None if plan.harmless else Running(plan, sql, parameters, many)

    def _recorded(self, plan: Plan, innermost: Tracker, sql: str, parameters: Any, many: bool) -> Plan:
        tracker = innermost if not innermost.ended else asking()
        if tracker is None:
            return plan
        if not self.database.knows_schema_at(tracker.ledger):
            plan = self._planner().plan(sql)
        if self._odd:
            tracker.refuse(self._odd)
        if self._own is None and self.database.planner is None:
            tracker.refuse("the schema could not be read")
        record(self.database, plan, () if many else parameters, tracker, self.transaction)
        return plan

    async def plan_anew(self) -> None:
        """Ask for the schema, from a coroutine."""
        with suppress(Exception):  # the statement itself shall say why
            await self.database.load_async(self._rows)

    # -- statements -----------------------------------------------------------------------------------

    async def before(self, running: Running) -> None:
        """See `Statements.before`."""
        facts = running.plan.facts
        if facts.kind == "transaction":
            await self._before_step(facts.word, running.sql)
        elif facts.kind == "session":
            self._odd = self._odd or steps.oddity(running.sql)
        else:
            await self._before_write(running)

    async def after(
        self,
        running: Running,
        rowcount: int | None,
        lastrowid: Any,
        rows: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        """See `Statements.after`."""
        kind = running.plan.facts.kind
        if kind == "transaction":
            await self._after_step(running.plan.facts.word, running.sql)
        elif kind != "session":
            new = inserted(running, rowcount, lastrowid, rows)
            await self._written(running, self._marked(running, rowcount, new))
            if running.plan.reshapes:
                await self._schema_changed()

    async def failed(self, running: Running) -> None:
        """See `Statements.failed`."""
        facts = running.plan.facts
        if facts.kind == "transaction":
            if facts.word == "commit":
                await self.commit_failed()
        elif running.wrapped and running.alone is not None:
            await self._undone(running.alone)
        elif facts.kind != "session":
            # Some statements keep what they did before they failed; marking too much is no error.
            await self._written(running, self._marked(running))
            if running.plan.reshapes:
                self._schema_may_have_changed()

    async def apart(self, running: Running) -> None:
        """See `Statements.apart`."""
        await self.after_commit()
        running.alone = DatabaseTransaction(self.database, self)

    # -- writing ----------------------------------------------------------------------------------------

    async def _before_write(self, running: Running) -> None:
        self.database.check()
        if self.database.planner is None and self._own is None:
            await self.plan_anew()
            running.plan = (self.database.planner or self.database.planned_by(NOTHING)).plan(running.sql)
        elif self._own_is_old:
            running.plan = (await self._plan_own()).plan(running.sql)
        wanted = self._image_wanted(running)
        if self.transaction is None:
            running.alone = DatabaseTransaction(self.database, self)
            running.wrapped = wanted and await self._began_one()
        if wanted and (self.transaction is not None or running.wrapped):
            running.old = await self._old_image(running)
        if running.alone is not None and not running.wrapped:
            running.alone.add(self._marked(running), running.sql)
            await running.alone.prepare()

    def _image_wanted(self, running: Running) -> bool:
        plain = self.database.old_images and not running.many and not self._odd
        # Row security may show other rows to a look than the write finds.
        return plain and running.plan.old_image is not None and not running.plan.facts.writes[0].table.guarded

    async def _began_one(self) -> bool:
        """Begin a transaction for a single statement, so that nothing comes between it and a look before it."""
        return await self._tried("BEGIN IMMEDIATE" if self.database.dialect == "sqlite" else "BEGIN")

    async def _old_image(self, running: Running) -> list[Image] | None:
        image = running.plan.old_image
        assert image is not None
        if self.database.dialect == "sqlite" and not running.wrapped and not self._has_lock():
            # A look first would end in SQLITE_BUSY where the write by itself would have waited.
            table = running.plan.facts.writes[0].table.name.replace('"', '""')
            if not await self._tried(f'DELETE FROM "{table}" WHERE 0'):  # noqa: S608  a table's own name
                return None
        moves = running.plan.facts.writes[0].operation == "delete"
        sql = steps.limited(
            image.sql, _FEW_ROWS + 1, keeps_keys=not moves and self.database.dialect == "postgres"
        )
        rows = await self._looked(sql, image.parameters(running.parameters))
        return None if rows is None or len(rows) > _FEW_ROWS else list(image.images(rows))

    async def _looked(self, sql: str, parameters: Any) -> Sequence[Sequence[Any]] | None:
        """The rows of a query that may fail (rights, timeouts, locks), and if it does, nobody shall notice.

        In PostgreSQL what fails takes the rest of its transaction with it, unless a savepoint stands before it.
        """
        if self.database.dialect != "sqlite" and not await self._tried(f"SAVEPOINT {_LOOK}"):
            return None
        try:
            rows = await self._rows(sql, parameters)
        except Exception:
            rows = None
            if self.database.dialect != "sqlite":
                await self._tried(f"ROLLBACK TO SAVEPOINT {_LOOK}")
        if self.database.dialect != "sqlite":
            await self._tried(f"RELEASE SAVEPOINT {_LOOK}")
        return rows

    def _has_lock(self) -> bool:
        return self.transaction is not None and self.transaction.wrote

    def _marked(
        self, running: Running, rowcount: int | None = None, new: list[Image] | None = None
    ) -> Sequence[str]:
        """The tags that a statement marks."""
        unknown = self._odd or running.plan.effects_unknown
        if unknown:
            return everything(running, self.database.name, self._planner().catalogue, unknown)
        return marked(running, self.database.name, rowcount, new)

    async def _written(self, running: Running, names: Sequence[str]) -> None:
        if running.plan.reshapes:
            names = [*names, self.database.schema_tag]
        alone = running.alone
        if alone is None:
            if self.transaction is not None:
                self.transaction.add(names, running.sql)
        elif running.wrapped:
            alone.add(names, running.sql)
            await self._committed(alone)
        else:
            await alone.commit(names)

    async def _committed(self, alone: DatabaseTransaction) -> None:
        """Commit the transaction that was begun for one statement."""
        try:
            await self._prepare(alone)
            await self._rows("COMMIT", ())
        except BaseException:
            await self._tried("ROLLBACK")
            await alone.commit()  # whether it was made is not known
            raise
        await alone.commit()

    async def _undone(self, alone: DatabaseTransaction) -> None:
        await self._tried("ROLLBACK")
        await alone.rollback()

    async def _schema_changed(self) -> None:
        self._schema_may_have_changed()
        if self.transaction is not None:
            await self._plan_own()

    def _schema_may_have_changed(self) -> None:
        if self.transaction is None:
            self.database.forget()
        else:
            self.transaction.schema = True

    async def _plan_own(self) -> Planner:
        """Plan by the schema as this transaction sees it; nobody else does yet."""
        self._own_is_old = False
        self._own = await self.database.planner_for(self._rows)
        return self._own

    # -- transactions -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """See `Statements.begin`."""
        if self.transaction is None:
            self.transaction = DatabaseTransaction(self.database, self)
            self.transaction.enter()
            if self._owed:
                self.transaction.add(self._owed)

    def savepoint(self, name: str) -> None:
        """See `Statements.savepoint`. In some databases it begins a transaction."""
        outermost = self.transaction is None
        self.begin()
        assert self.transaction is not None
        self.transaction.savepoint(name, outermost=outermost)

    def release(self, name: str) -> None:
        """See `Statements.release`."""
        if self.transaction is not None:
            self.transaction.release(name)

    def rollback_to(self, name: str) -> None:
        """See `Statements.rollback_to`."""
        if self.transaction is not None:
            self.transaction.rollback_to(name)
            self._own_is_old = self._own is not None

    async def before_commit(self) -> None:
        """See `Statements.before_commit`."""
        if self._owed:
            self.begin()
        if self.transaction is not None:
            await self._prepare(self.transaction)

    async def _prepare(self, transaction: DatabaseTransaction) -> None:
        """Write intents, and tell who watches the database from outside that they needn't."""
        await transaction.prepare()
        epochs = transaction.intended() if self.database.watched else ()
        if epochs:
            await self._tried(steps.announced(epochs))

    async def after_commit(self) -> None:
        """See `Statements.after_commit`."""
        transaction = self._end()
        if transaction is not None:
            if transaction.schema:
                self.database.forget()
            await transaction.commit()

    async def commit_failed(self) -> None:
        """See `Statements.commit_failed`."""
        transaction = self._end()
        if transaction is not None:
            owed = transaction.names()
            if transaction.schema:
                self.database.forget()
            await transaction.commit()
            self._owed = owed

    async def after_rollback(self) -> None:
        """See `Statements.after_rollback`."""
        transaction = self._end()
        if transaction is not None:
            await transaction.rollback()

    def _end(self) -> DatabaseTransaction | None:
        transaction, self.transaction, self._own, self._owed = self.transaction, None, None, ()
        self._own_is_old = False
        return transaction

    async def _before_step(self, word: str, sql: str) -> None:
        if word == "begin":
            self.begin()
        elif word == "commit" or self._commits(word, sql):
            await self.before_commit()

    async def _after_step(self, word: str, sql: str) -> None:
        if word == "commit" or self._commits(word, sql):
            await self.after_commit()
        elif word == "rollback":
            await self.after_rollback()
        elif word in steps.NAMED:
            steps.NAMED[word](self, steps.name_of(sql))

    def _commits(self, word: str, sql: str) -> bool:
        """Whether releasing a savepoint is a COMMIT, as the transaction began with it."""
        transaction = self.transaction
        return word == "release" and transaction is not None and transaction.ends_with(steps.name_of(sql))

    # -- statements of our own --------------------------------------------------------------------------

    async def _rows(self, sql: str, parameters: Any = ()) -> Sequence[Sequence[Any]]:
        rows: Any = self._run_async(sql, parameters)
        answer: Sequence[Sequence[Any]] = await rows if inspect.isawaitable(rows) else rows
        return answer

    async def _tried(self, sql: str) -> bool:
        try:
            await self._rows(sql, ())
        except Exception:
            return False
        return True


def _nothing(sql: str, parameters: Any) -> Sequence[Sequence[Any]]:
    raise NotImplementedError(sql)

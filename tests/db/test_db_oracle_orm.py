"""The oracle with an ORM and a clock that moves: cached queries of SQLAlchemy beside uncached ones, after every write."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from oracle_orm import SHAPES, Models, make_orm_query
from oracle_schemas import World, make_world
from oracle_writes import make_write
from sqlalchemy import orm

import afresh.db.sqlalchemy
import sizes
from afresh import Cache
from afresh.db import Database
from afresh.testing import FakeClock

ENTRIES, WRITES, UNSEEN = 25, 25, 60.0


@dataclass
class Entry:
    """A cached query, how it is asked past the cache, and when it was loaded last.

    Args:
        timed: It depends on the time, so its answer may be as old as `UNSEEN`.
    """

    what: str
    ask: Callable[[], list[str]]
    truth: Callable[[], list[str]]
    timed: bool = False
    loaded: float = 0.0


class Run:
    """One world, asked through an ORM by a cache and past it."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.clock = FakeClock(1_800_000_000.0)
        self.world: World = make_world(chance)
        raw = self.world.connection
        raw.isolation_level = ""  # type: ignore[assignment]
        for name in ("datetime", "julianday"):
            raw.create_function(name, -1, getattr(self, name))  # the database's clock is ours
        self.cache = Cache("memory://", clock=self.clock)
        self.engine, self.past = (
            sa.create_engine("sqlite://", creator=lambda: raw, poolclass=sa.StaticPool) for _ in range(2)
        )
        afresh.db.sqlalchemy.instrument(self.engine, Database("sqlite", clock=self.clock, unseen_ttl=UNSEEN))
        self.answers = self.loads = 0
        self.stale: list[str] = []
        self.entries: list[Entry] = []
        models = Models(self.world)
        while len(self.entries) < ENTRIES:
            self._add(make_orm_query(models))
        for model in models.classes:
            self._add_timed(model)

    def datetime(self, *given: object) -> str:
        """SQLite's function, as far as it is asked."""
        return datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y-%m-%d %H:%M:%S")

    def julianday(self, *given: object) -> float:
        """SQLite's function, as far as it is asked."""
        return self.clock.now() / 86400 + 2440587.5

    def close(self) -> None:
        """Give all back."""
        self.cache.close()
        self.engine.dispose()
        self.past.dispose()
        self.world.connection.close()

    def _add(self, statement: Any) -> None:
        try:
            self._rows(self.past, statement)
        except (sa.exc.SQLAlchemyError, OverflowError):
            return
        self._entry(str(statement), lambda engine: self._rows(engine, statement))

    def _add_timed(self, model: type) -> None:
        """Queries that ask for the time, and one that is given it."""
        number = sa.func.julianday("now") * 86400 % 7
        self._entry(
            f"{model} of now",
            lambda engine: self._rows(engine, sa.select(model).where(model.id < number)),
            timed=True,
        )
        asked: Any = (
            sa.select(sa.func.count())
            .select_from(model)
            .where(sa.literal_column("'2027-01-15 08:10:00'") < sa.bindparam("now"))
        )
        self._entry(
            f"{model} before now",
            lambda engine: self._rows(engine, asked, {"now": self.datetime()}),
            timed=True,
        )

    def _entry(self, what: str, rows: Callable[[Any], list[str]], *, timed: bool = False) -> None:
        @self.cache.cached(prefix=f"query {id(self)} {len(self.entries)}")
        def ask() -> list[str]:
            self.loads += 1
            entry.loaded = self.clock.now()
            return rows(self.engine)

        entry = Entry(what, ask, lambda: rows(self.past), timed)
        self.entries.append(entry)

    @staticmethod
    def _rows(engine: sa.Engine, statement: Any, parameters: Any = None) -> list[str]:
        with orm.Session(engine) as session:
            found = [tuple(_plain(each) for each in row) for row in session.execute(statement, parameters)]
        listed = [repr(each) for each in found]
        return listed if "LIMIT" in str(statement) else sorted(listed)

    def compare(self, after: str) -> None:
        """Each cached answer with an uncached one."""
        for entry in self.entries:
            self.answers += 1
            cached, true = entry.ask(), entry.truth()
            young = entry.timed and self.clock.now() - entry.loaded <= UNSEEN
            if cached != true and not young:
                self.stale.append(f"{entry.what}: {cached} is now {true}, after {after}")

    def step(self) -> None:
        """A write, or some time that passes; then all is compared."""
        if self.chance.random() < 0.2:
            seconds = self.chance.choice([1, 20, 61, 300])
            self.clock.advance(seconds)
            return self.compare(f"{seconds} seconds")
        sql, parameters = make_write(self.world)
        try:
            with self.engine.begin() as connection:
                connection.exec_driver_sql(sql, parameters)
                if self.chance.random() < 0.2:
                    raise _Undone
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OverflowError, _Undone):
            pass
        return self.compare(f"{sql} {parameters}")


class _Undone(Exception):
    """Roll back."""


def _plain(value: Any) -> Any:
    if type(value).__module__ == "oracle_orm":
        return tuple(getattr(value, each.key) for each in sa.inspect(type(value)).column_attrs)
    return value


def test_there_are_enough_shapes():
    assert len(set(SHAPES)) >= 11


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_no_cached_orm_answer_is_older_than_the_database(capsys: pytest.CaptureFixture[str]) -> None:
    chance, answers, loads = random.Random(sizes.seed()), 0, 0
    while answers < sizes.size(8_000, 1_000_000):
        run = Run(chance)
        try:
            run.compare("nothing")
            for _ in range(WRITES):
                run.step()
        finally:
            run.close()
        assert not run.stale, run.stale[0]
        answers, loads = answers + run.answers, loads + run.loads
    with capsys.disabled():
        print(f"\noracle: {answers} answers of an ORM, {loads} of them loaded")
    assert loads < 0.7 * answers

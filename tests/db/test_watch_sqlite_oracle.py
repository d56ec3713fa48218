"""Another program writes at random: what is cached, strictly, is always what the database says.

Nothing is declared, and the writer knows nothing of any cache: a plain connection to the same file.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from oracle_queries import make_query
from oracle_schemas import World, make_world
from oracle_writes import make_write

import sizes
from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.watch.sqlite import SQLiteWatcher

ENTRIES, WRITES = 30, 40
OTHERS = [
    "CREATE INDEX IF NOT EXISTS late ON {table}(c1)",
    "DROP INDEX IF EXISTS late",
    "ALTER TABLE {table} ADD COLUMN added DEFAULT 7",
    "UPDATE OR REPLACE {table} SET id = 2 WHERE id > 3",
    "UPDATE OR REPLACE {table} SET rowid = 2 WHERE rowid > 5",
    "UPDATE {table} SET c0 = c0",
    "DELETE FROM {table} WHERE id = 1",
    "VACUUM",
    "ANALYZE",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA foreign_keys = ON",
    "PRAGMA wal_checkpoint(TRUNCATE)",
]


@dataclass
class Score:
    """What a run saw."""

    answers: int = 0
    loads: int = 0
    writes: int = 0
    everything: int = 0
    stale: list[str] = field(default_factory=list)


@dataclass
class Read:
    """A query, and its cached answer."""

    sql: str
    parameters: Any
    cached: Any


class Program:
    """The program that reads: its connection, its cache, and what it asks for again and again."""

    def __init__(self, path: Path, world: World, cache: Cache, score: Score) -> None:
        self.connection = dbapi.wrap(sqlite3.connect(path, isolation_level=None), Database("sqlite"))
        self.world = world
        self.score = score
        self.reads: list[Read] = []
        while len(self.reads) < ENTRIES:
            sql, parameters = make_query(world)
            try:
                world.rows(sql, parameters)
            except sqlite3.Error:
                continue
            read = Read(sql, parameters, None)
            read.cached = cache.cached(prefix=f"read {len(self.reads)}")(self.loader(read))
            self.reads.append(read)

    def loader(self, read: Read) -> Callable[[], list[str]]:
        def load() -> list[str]:
            self.score.loads += 1
            return [repr(row) for row in self.connection.execute(read.sql, read.parameters).fetchall()]

        return load

    def compare(self, done: str) -> None:
        for read in self.reads:
            self.score.answers += 1
            cached = _answer(read.cached)
            fresh = _answer(
                lambda read=read: [repr(row) for row in self.world.rows(read.sql, read.parameters)]
            )
            if "LIMIT" not in read.sql:
                cached, fresh = sorted(cached), sorted(fresh)
            if cached != fresh:
                self.score.stale.append(f"{done}\n{read.sql} {read.parameters}\n{cached} but {fresh}")


def _answer(ask: Any) -> list[str]:
    try:
        answer: list[str] = ask()
    except sqlite3.Error as error:
        return [str(error)]
    return answer


def another_program_writes(world: World, chance: random.Random) -> str:
    """One write, or several in a transaction; some of them are refused."""
    done = []
    whole = chance.random() < 0.3
    if whole:
        world.connection.execute("BEGIN")
    for _ in range(chance.randint(1, 4) if whole else 1):
        sql, parameters = make_write(world)
        if chance.random() < 0.15:
            sql, parameters = chance.choice(OTHERS).format(table=chance.choice(world.tables).name), ()
        try:
            world.connection.execute(sql, parameters).fetchall()
        except (sqlite3.Error, OverflowError):
            continue
        done.append(f"{sql} {parameters}")
    if world.connection.in_transaction:
        world.connection.execute(chance.choice(["COMMIT", "COMMIT", "ROLLBACK"]))
    return "; ".join(done)


def world_in(path: Path, chance: random.Random) -> World:
    """A random database in a file; the connection is another program's."""
    world = make_world(chance)
    with sqlite3.connect(path, isolation_level=None) as connection:
        world.connection.backup(connection)
    world.connection.close()
    connection.execute(f"PRAGMA journal_mode = {chance.choice(['WAL', 'WAL', 'DELETE'])}")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    world.connection = connection
    return world


def run(folder: Path, seed: int, answers: int) -> Score:
    score, chance = Score(), random.Random(seed)
    while score.answers < answers and not score.stale:
        path = folder / f"{score.writes}.db"
        world = world_in(path, chance)
        with Cache("memory://", consistency="strict") as cache:
            watcher = SQLiteWatcher(path, cache, every=3600)  # nobody looks but the readers
            with watcher:
                program = Program(path, world, cache, score)
                for _ in range(WRITES):
                    score.writes += 1
                    program.compare(another_program_writes(world, chance))
                    if chance.random() < 0.1:
                        watcher.follow_once()
                program.connection.close()
            score.everything += watcher.status.everything
        world.connection.close()
    return score


@pytest.mark.slow
def test_whatever_another_program_writes_is_never_hidden(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score = run(tmp_path, sizes.seed(), sizes.size(9_000, 3_000_000))
    assert not score.stale, score.stale[0]
    with capsys.disabled():
        print(
            f"\nSQLite watched: {score.answers} answers, {score.loads} of them loaded, {score.writes} writes,"
            f" everything announced {score.everything} times"
        )
    assert score.loads < 0.6 * score.answers

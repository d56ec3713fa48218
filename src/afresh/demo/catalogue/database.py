"""The SQLite file: making it from the shipped facts, and one connection for each thread."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from afresh.demo.dataset import Facts

PEOPLE = ("anna", "ben", "carla", "editor")
PASSWORD = "demo"  # noqa: S105  a demo's password, printed on its own sign-in page

_SCHEMA = """
CREATE TABLE package (
    name TEXT PRIMARY KEY, version TEXT NOT NULL, section TEXT NOT NULL, priority TEXT NOT NULL,
    source TEXT NOT NULL, installed INTEGER NOT NULL, archive INTEGER NOT NULL, note TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE dependency (
    package TEXT NOT NULL, position INTEGER NOT NULL, target TEXT NOT NULL,
    PRIMARY KEY (package, position)
) WITHOUT ROWID;
CREATE TABLE rating (
    package TEXT NOT NULL, person TEXT NOT NULL, stars INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5),
    PRIMARY KEY (package, person)
) WITHOUT ROWID;
CREATE TABLE star (person TEXT NOT NULL, package TEXT NOT NULL, PRIMARY KEY (person, package)) WITHOUT ROWID;
"""
_INDEXES = """
CREATE INDEX package_section ON package (section, name);
CREATE INDEX package_source ON package (source, name);
CREATE INDEX dependency_target ON dependency (target, package);
"""

_path: Path | None = None
_own = threading.local()
_opened: list[sqlite3.Connection] = []


def use(path: Path | None) -> None:
    """Read and write this file from now on, and close what was open; `None` only closes."""
    global _path, _own
    _path, _own = path, threading.local()
    while _opened:
        _opened.pop().close()


def path() -> Path:
    """The file in use."""
    if _path is None:
        raise RuntimeError("no database: call database.use(path) first")
    return _path


def connection() -> sqlite3.Connection:
    """This thread's connection to the file in use."""
    opened: sqlite3.Connection | None = getattr(_own, "connection", None)
    if opened is None:
        opened = _own.connection = open_file(path())
        _opened.append(opened)
    return opened


def rows(sql: str, *values: object) -> list[Any]:
    """All rows of a query, each a tuple."""
    return connection().execute(sql, values).fetchall()


def row(sql: str, *values: object) -> Any:
    """The first row of a query, or `None`."""
    return connection().execute(sql, values).fetchone()


@contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    """One transaction that writes: committed at the end of the block, undone by an exception."""
    opened = connection()
    opened.execute("BEGIN IMMEDIATE")
    try:
        yield opened
    except BaseException:
        opened.rollback()
        raise
    opened.commit()


def create(path: Path, facts: Facts, seed: int = 12) -> None:
    """Make the file, with the shipped facts and with invented ratings and stars."""
    with closing(open_file(path)) as made:
        made.executescript("PRAGMA synchronous = OFF;" + _SCHEMA)
        made.execute("BEGIN")
        made.executemany("INSERT INTO package VALUES (?, ?, ?, ?, ?, ?, ?, '')", _packages(facts))
        made.executemany("INSERT INTO dependency VALUES (?, ?, ?)", facts.edges())
        favourites = [facts.name[index] for index in facts.popular[:400]]
        chance = random.Random(seed)
        made.executemany("INSERT INTO rating VALUES (?, ?, ?)", _ratings(favourites, chance))
        for person in PEOPLE:
            starred = chance.sample(favourites, min(5, len(favourites)))
            made.executemany("INSERT INTO star VALUES (?, ?)", [(person, name) for name in starred])
        made.execute("COMMIT")
        made.executescript(_INDEXES + "ANALYZE;")


def open_file(path: Path) -> sqlite3.Connection:
    """A connection to the file."""
    opened = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
    opened.execute("PRAGMA journal_mode = WAL")
    opened.execute("PRAGMA synchronous = NORMAL")
    return opened


def _packages(facts: Facts) -> Iterator[tuple[object, ...]]:
    for index, name in enumerate(facts.name):
        yield (
            name,
            facts.version[index],
            facts.sections[facts.section[index]],
            facts.priorities[facts.priority[index]],
            facts.source[index] or name,
            facts.installed[index],
            facts.archive[index],
        )


def _ratings(names: list[str], chance: random.Random) -> Iterator[tuple[str, str, int]]:
    for name in names:
        leaning = chance.choice((2.5, 3.5, 4.5))
        for reader in chance.sample(range(200), chance.randint(3, 40)):
            stars = min(5, max(1, round(chance.gauss(leaning, 1.0))))
            yield name, f"reader-{reader}", stars

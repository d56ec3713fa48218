"""What is wrong with an SQLite database that is watched, or may become so."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from afresh.backends.findings import Finding
from afresh.db.watch.sqlite import install
from afresh.db.watch.sqlite.file import DatabaseFile, rows
from afresh.db.watch.sqlite.schema import Seen, look_at
from afresh.errors import BackendError

_MANY = 5


def findings(path: Path) -> list[Finding]:
    """What somebody should know of a database file, the worst first.

    Raises:
        BackendError: It can't be read.
    """
    file = DatabaseFile(path)
    try:
        with closing(file):
            seen = look_at(partial(rows, file.connection))
            mode = str(file.connection.execute("PRAGMA journal_mode").fetchone()[0])
            return [*_of_triggers(seen), *_of_tables(seen), *_of_mode(mode)]
    except (sqlite3.Error, OSError) as error:
        raise BackendError(f"{path.name} can't be read: {error}") from error


def drop(path: Path) -> list[str]:
    """Take log and triggers away; gives their names.

    Raises:
        BackendError: Somebody else writes, or it can't be written to.
    """
    file = DatabaseFile(path)
    try:
        with closing(file):
            return install.remove(file.connection)
    except (sqlite3.Error, OSError) as error:
        raise BackendError(f"{path.name} can't be written to: {error}") from error


def _of_triggers(seen: Seen) -> Iterator[Finding]:
    if not seen.keeps:
        yield Finding(
            "error",
            "there is no log of changes",
            "start the watcher: it makes what is missing; until then, every change is one of everything",
        )
        return
    missing = _listed(each.name for each in seen.missing())
    if missing:
        yield Finding(
            "warning",
            f"tables without triggers, or with old ones: {missing}",
            "start the watcher: it makes them; until then, every change is one of these tables, too",
        )


def _of_tables(seen: Seen) -> Iterator[Finding]:
    bare = _listed(
        each for each in seen.uncovered if each not in seen.wanted and not each.startswith("sqlite_")
    )
    if bare:
        yield Finding(
            "note",
            f"virtual tables have no triggers, so any change in the database is one of theirs, too: {bare}",
            "",
        )
    coarse = _listed(each.name for each in seen.wanted.values() if each.coarse)
    if coarse:
        yield Finding(
            "note",
            f"a trigger with RAISE(IGNORE) or RAISE(FAIL) may keep ours from firing: {coarse}",
            "changes of these are told as changes of the whole table",
        )
    unknown = _listed(each.name for each in seen.wanted.values() if each.keys is None)
    if unknown:
        yield Finding(
            "note",
            f"a unique index of expressions hides which row REPLACE replaces: {unknown}",
            "INSERT and UPDATE of these are told as changes of the whole table",
        )


def _of_mode(mode: str) -> Iterator[Finding]:
    if mode != "wal":
        yield Finding(
            "warning",
            f"journal_mode is {mode}: whoever looks and whoever writes wait for one another",
            "PRAGMA journal_mode = WAL",
        )


def _listed(names: Iterable[str]) -> str:
    found = sorted(names)
    more = f" and {len(found) - _MANY} more" if len(found) > _MANY else ""
    return ", ".join(found[:_MANY]) + more

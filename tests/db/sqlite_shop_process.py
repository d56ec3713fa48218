"""Processes of the stress over one SQLite file: one that reads through a cache and judges, one that only writes.

The judge: an answer is stale if it is older than what was acknowledged committed before the read began.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.watch.sqlite import SQLiteWatcher

ROWS = 8


def read(folder: Path, consistency: str, watched: str, seconds: float) -> None:
    """Read, and compare with what writers have acknowledged; prints reads, loads and stale answers."""
    path, loads, stale, reads = folder / "shop.db", 0, 0, 0
    connection = dbapi.wrap(sqlite3.connect(path, isolation_level=None, timeout=20), Database("sqlite"))

    def load(id: int) -> int:
        nonlocal loads
        loads += 1
        return int(connection.execute("SELECT n FROM t WHERE id = ?", (id,)).fetchone()[0])

    with Cache(f"sqlite:///{folder / 'cache'}", consistency=consistency) as cache:
        number = cache.cached(prefix="number")(load)
        watcher = SQLiteWatcher(path, cache)
        if watched == "watched":
            watcher.start()
        print("reading", flush=True)
        dice, end = random.Random(), time.monotonic() + seconds
        while time.monotonic() < end:
            row = dice.randrange(ROWS)
            acknowledged = int((folder / f"acknowledged-{row}").read_text() or 0)
            reads += 1
            stale += number(row) < acknowledged
        watcher.stop()
    connection.close()
    print(reads, loads, stale, flush=True)


def write(folder: Path, first: int) -> None:
    """Raise the number of every second row, one after the other, and acknowledge each when it is committed."""
    with closing(sqlite3.connect(folder / "shop.db", isolation_level=None, timeout=20)) as connection:
        dice = random.Random()
        print("writing", flush=True)
        while True:
            row = dice.randrange(first, ROWS, 2)
            sql = dice.choice(
                [
                    "UPDATE t SET n = n + 1 WHERE id = ?",
                    "INSERT OR REPLACE INTO t SELECT id, n + 1 FROM t WHERE id = ?",
                ]
            )
            connection.execute(sql, (row,))
            (n,) = connection.execute("SELECT n FROM t WHERE id = ?", (row,)).fetchone()
            acknowledged = folder / f"acknowledged-{row}"
            fresh = acknowledged.with_name(f"{acknowledged.name}.new")
            fresh.write_text(str(n))
            fresh.replace(acknowledged)
            time.sleep(dice.random() * 0.01)


if __name__ == "__main__":
    if sys.argv[1] == "read":
        read(Path(sys.argv[2]), sys.argv[3], sys.argv[4], float(sys.argv[5]))
    else:
        write(Path(sys.argv[2]), int(sys.argv[3]))

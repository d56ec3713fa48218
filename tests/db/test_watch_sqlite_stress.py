"""Several processes read one SQLite file through a cache, others write it without: a strict reader is never stale."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_shop_process
from sqlite_shop_process import ROWS

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.watch.sqlite import SQLiteWatcher
from sizes import size

pytestmark = pytest.mark.slow
SCRIPT = str(Path(sqlite_shop_process.__file__))


def _process(*words: object) -> subprocess.Popen[str]:
    started = subprocess.Popen([sys.executable, SCRIPT, *map(str, words)], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline().strip() in {"reading", "writing"}
    return started


def _shop(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "shop.db")) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        made.executemany("INSERT INTO t VALUES (?, 0)", [(row,) for row in range(ROWS)])
        made.commit()
    for row in range(ROWS):
        (folder / f"acknowledged-{row}").write_text("0")


def _run(folder: Path, consistency: str, watched: str, *, kill: bool = False) -> tuple[int, int, int]:
    """Two writers, two readers; with `kill` a third reader is killed and a fourth one stopped in the middle."""
    _shop(folder)
    writers = [_process("write", folder, first) for first in (0, 1)]
    seconds = size(3.0, 120.0)
    readers = [_process("read", folder, consistency, watched, seconds) for _ in range(2)]
    others = [_process("read", folder, consistency, watched, 600) for _ in range(2)] if kill else []
    try:
        if others:
            time.sleep(seconds / 4)
            others[0].kill()
            others[1].send_signal(signal.SIGSTOP)
        found = [reader.communicate(timeout=seconds + 60)[0].split() for reader in readers]
    finally:
        for each in (*writers, *others):
            each.kill()
            each.wait()
            assert each.stdout is not None
            each.stdout.close()
    reads, loads, stale = (sum(map(int, column)) for column in zip(*found, strict=True))
    return reads, loads, stale


@pytest.mark.parametrize("kill", [False, True], ids=["", "kill"])
def test_strict_is_never_older_than_what_another_program_committed(tmp_path: Path, kill: bool) -> None:
    reads, loads, stale = _run(tmp_path, "strict", "watched", kill=kill)
    assert stale == 0
    assert 0 < loads < reads


def test_without_anybody_who_looks_the_judge_finds_it(tmp_path: Path) -> None:
    _, _, stale = _run(tmp_path, "strict", "unwatched")
    assert stale > 0


def test_a_child_process_follows_by_itself(tmp_path: Path) -> None:
    _shop(tmp_path)
    with Cache(f"sqlite:///{tmp_path / 'cache'}", consistency="strict") as cache:
        watcher = SQLiteWatcher(tmp_path / "shop.db", cache, every=0.005).start()
        child = os.fork()
        if not child:
            code = 1
            try:
                connection = dbapi.wrap(sqlite3.connect(tmp_path / "shop.db"), Database("sqlite"))
                number = cache.cached(prefix="n")(
                    lambda: connection.execute("SELECT sum(n) FROM t").fetchall()
                )
                first = number()
                with closing(sqlite3.connect(tmp_path / "shop.db")) as other, other:
                    other.execute("UPDATE t SET n = n + 1")
                code = 0 if (sum(first[0]), sum(number()[0])) == (0, ROWS) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        watcher.stop()

"""`afresh watch sqlite:///…`: it follows a file, says what is wrong, and leaves nothing behind if asked to."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afresh import Cache
from afresh.cli.commands import app
from afresh.db import Database, dbapi

PROGRAM = [sys.executable, "-c", "from afresh.cli import main; main()"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as made:
        made.executescript(
            "PRAGMA journal_mode = WAL; CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT);"
            " INSERT INTO product VALUES (1, 'soup'); CREATE VIRTUAL TABLE words USING fts5 (text)"
        )
    return tmp_path / "shop.db"


def _asked(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["watch", *words])
    return done.exit_code, done.output


@pytest.mark.slow
def test_it_follows_until_it_is_told_to_stop(path: Path, tmp_path: Path) -> None:
    url, cache_url = f"sqlite:///{path}", f"sqlite:///{tmp_path / 'cache'}"
    assert _asked(url, "--check")[0] == 1
    with Cache(cache_url) as cache:
        connection = dbapi.wrap(sqlite3.connect(path, isolation_level=None), Database("sqlite"))
        name = cache.cached(prefix="name")(lambda: connection.execute("SELECT name FROM product").fetchall())
        running = subprocess.Popen(
            [*PROGRAM, "watch", url, "--cache", cache_url], stdout=subprocess.PIPE, text=True
        )
        assert running.stdout is not None
        assert running.stdout.readline().startswith("following")
        assert name() == [["soup"]] or name() == [("soup",)]
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE product SET name = 'stew'")
        end = time.monotonic() + 60
        while "stew" not in str(name()):
            assert time.monotonic() < end
            time.sleep(0.005)
        code, said = _asked(url, "--check")
        assert code == 0
        assert "words" in said
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
        assert running.stdout.read().splitlines()[-1].startswith("stopped; ")
        running.stdout.close()
        connection.close()
    code, said = _asked(url, "--drop")
    assert code == 0
    assert "afresh_watch_log" in said
    with closing(sqlite3.connect(path)) as there:
        left = there.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'afresh%'").fetchone()
    assert left == (0,)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    code, said = _asked(f"sqlite:///{tmp_path / 'none.db'}", "--cache", f"sqlite:///{tmp_path / 'cache'}")
    assert code == 1
    assert "there is no database" in said
    code, said = _asked(f"sqlite:///{tmp_path / 'none.db'}", "--check")
    assert code == 1
    assert "can't be read" in said

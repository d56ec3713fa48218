"""SQLite's file and its log have other lives: vacuums, backups, replaced files, watchers that come and go."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_shop import SCHEMA, Shop, shop

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.watch.sqlite import SQLiteWatcher, drop

NAME = "SELECT name FROM product WHERE id = {}"
PRICE = "SELECT price FROM product WHERE id = {}"
STARS = "SELECT sum(stars) FROM review WHERE product = {}"


@pytest.fixture(params=["WAL", "DELETE"])
def sold(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path, mode=request.param) as made:
        yield made


def test_a_vacuum_changes_nothing_that_matters(sold: Shop) -> None:
    sold.told(NAME.format(1), by=lambda: sold.elsewhere("VACUUM"))
    assert sold.told(
        NAME.format(1),
        NAME.format(2),
        by=lambda: sold.elsewhere("UPDATE product SET name = 'x' WHERE id = 1"),
    ) == [True, False]


def test_another_file_in_its_place(sold: Shop, tmp_path: Path) -> None:
    def replaced() -> None:
        with closing(sqlite3.connect(tmp_path / "new.db")) as made:
            made.executescript(SCHEMA + "UPDATE product SET name = 'of the new file'")
        sold.connection.close()
        os.replace(tmp_path / "new.db", sold.path)  # noqa: PTH105
        for ending in ("-wal", "-shm"):
            sold.path.with_name(sold.path.name + ending).unlink(missing_ok=True)
        sold.connection = dbapi.wrap(sqlite3.connect(sold.path, isolation_level=None), Database("sqlite"))

    sold.again(NAME.format(1))
    replaced()
    sold.watcher.follow_once()
    sold.loads.clear()
    assert sold.read(NAME.format(1)) == ["('of the new file',)"]


def test_a_backup_that_is_played_back(sold: Shop, tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(sold.path)) as live,
        closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
    ):
        live.backup(backup)
    sold.told(NAME.format(1), by=lambda: sold.elsewhere("UPDATE product SET name = 'late' WHERE id = 1"))

    def restored() -> None:
        with (
            closing(sqlite3.connect(sold.path)) as live,
            closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
        ):
            backup.backup(live)
        sold.elsewhere("UPDATE product SET price = 7 WHERE id = 3")  # as many rows of the log as before

    assert sold.told(NAME.format(1), by=restored) == [True]
    assert sold.watcher.status.everything == 1


def test_more_than_the_log_keeps(tmp_path: Path) -> None:
    with shop(tmp_path, keep=20) as made:
        changes = [f"UPDATE product SET views = {number}" for number in range(50)]
        assert made.told(
            NAME.format(1), by=lambda: made.elsewhere("UPDATE product SET name = 'x'", *changes)
        ) == [True]
        assert made.watcher.status.everything == 1
        with closing(sqlite3.connect(made.path)) as other:
            assert other.execute("SELECT count(*) FROM afresh_watch_log").fetchone() <= (20 + 64,)


def test_what_was_written_while_nobody_followed(tmp_path: Path) -> None:
    path, folder = tmp_path / "shop.db", tmp_path / "cache"
    with Cache(f"sqlite:///{folder}") as cache:
        made = Shop(path, cache)
        made.watcher.start()
        made.again(NAME.format(1), NAME.format(2))
        made.watcher.stop()
        made.elsewhere("UPDATE product SET name = 'unseen' WHERE id = 1")
        made.watcher.start()
        assert made.again(NAME.format(1), NAME.format(2)) == [True, False]
        made.watcher.stop()
        path.with_name("shop.db-afresh").write_text("{damaged")
        made.watcher.start()
        assert made.again(NAME.format(1), NAME.format(2)) == [True, True]
        made.close()


def test_two_that_follow_announce_a_change_once(sold: Shop) -> None:
    second = SQLiteWatcher(sold.path, sold.cache, every=3600)
    with second:
        sold.again(PRICE.format(1))
        sold.elsewhere("UPDATE product SET price = 9 WHERE id = 1")
        sold.watcher.follow_once()
        position = sold.cache._engine.ledger.position()
        before = second.status.rows
        second.follow_once()
        assert second.status.rows == before
        # sqlite_sequence has no triggers: it is told at each look.
        assert sold.cache._engine.ledger.position() - position <= 2
        assert sold.again(PRICE.format(1)) == [True]


def test_while_triggers_cannot_be_made_everything_is_told(tmp_path: Path) -> None:
    with Cache("memory://") as cache:
        made = Shop(tmp_path / "shop.db", cache)
        with closing(sqlite3.connect(made.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            made.watcher.start()
            made.again(NAME.format(1), NAME.format(2))
            other.execute("UPDATE product SET name = 'x' WHERE id = 1")
            other.execute("COMMIT")
        made.watcher.follow_once()
        assert made.again(NAME.format(1), NAME.format(2)) == [True, True]
        made.close()


def test_without_leave_to_install_every_change_is_one_of_everything(tmp_path: Path) -> None:
    with shop(tmp_path, install=False) as made:
        assert made.told(NAME.format(1), STARS.format(1), by=lambda: made.elsewhere("DELETE FROM place")) == [
            True,
            True,
        ]
        with closing(sqlite3.connect(made.path)) as other:
            assert other.execute(
                "SELECT count(*) FROM sqlite_master WHERE name LIKE 'afresh%'"
            ).fetchone() == (0,)


def test_a_file_that_is_gone_is_said(sold: Shop) -> None:
    shutil.move(sold.path, sold.path.with_name("moved.db"))
    sold.watcher.follow_once()
    assert sold.watcher.status.state == "away"
    shutil.move(sold.path.with_name("moved.db"), sold.path)
    sold.watcher.follow_once()
    assert sold.watcher.status.state == "following"


def test_whatever_goes_wrong_in_a_look_is_said_and_nothing_stored_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Cache("memory://", consistency="strict") as cache:
        made = Shop(tmp_path / "shop.db", cache)
        made.watcher.start()
        made.again(NAME.format(1))
        with monkeypatch.context() as broken:
            broken.setattr(made.watcher._follower._log, "since", lambda *_: {}["missing"])
            made.elsewhere("UPDATE product SET name = 'seen all the same' WHERE id = 1")
            assert made.read(NAME.format(1)) == ["('seen all the same',)"]
            made.watcher.follow_once()
            assert made.watcher.status.state == "away"
        made.watcher.follow_once()
        assert made.watcher.status.state == "following"
        assert made.again(NAME.format(1)) == [True]
        made.close()


def test_a_cache_that_is_opened_later_is_told_too(tmp_path: Path) -> None:
    with Cache("memory://") as first:
        made = Shop(tmp_path / "shop.db", first)
        watcher = SQLiteWatcher(made.path, every=3600)  # of every cache of the process
        watcher.start()
        with Cache("memory://", consistency="strict") as later:
            watcher.follow_once()
            name = later.cached(prefix="later")(lambda: made.connection.execute(NAME.format(1)).fetchall())
            assert name() == [("soup",)]
            made.elsewhere("UPDATE product SET name = 'stew' WHERE id = 1")
            assert name() == [("stew",)]
        watcher.stop()
        made.close()


def test_a_commit_that_is_refused_leaves_nobody_waiting(tmp_path: Path) -> None:
    with Cache("memory://") as cache:
        made = Shop(tmp_path / "shop.db", cache, mode="DELETE")
        with closing(sqlite3.connect(made.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM product").fetchall()  # its lock keeps others from committing
            made.watcher.start()
            assert "can't be made" in made.watcher.status.said[0]
            reader.execute("COMMIT")
            with closing(sqlite3.connect(made.path, timeout=0)) as writer, writer:
                writer.execute("UPDATE product SET price = 1")
        made.close()


def test_a_column_cannot_be_dropped_while_triggers_name_it(sold: Shop) -> None:
    with pytest.raises(sqlite3.OperationalError, match="afresh_watch"):
        sold.elsewhere("ALTER TABLE product DROP COLUMN views")
    drop(sold.path)
    sold.elsewhere("ALTER TABLE product DROP COLUMN views")
    sold.watcher.follow_once()
    assert sold.told(NAME.format(1), by=lambda: sold.elsewhere("UPDATE product SET name = 'x'")) == [True]


def test_who_is_late_is_helped_by_readers(sold: Shop) -> None:
    sold.again(NAME.format(1))
    sold.watcher._follower.looked = float("inf")  # nobody is late, however long the machine takes for this
    sold.elsewhere("UPDATE product SET name = 'late' WHERE id = 1")
    sold.cache._engine.tick()
    assert sold.read(NAME.format(1)) == ["('soup',)"], "bounded: nobody has looked yet"
    sold.watcher._follower.looked = float("-inf")
    sold.cache._engine.tick()
    assert sold.read(NAME.format(1)) == ["('late',)"]


def test_a_loop_looks_without_standing_still(tmp_path: Path) -> None:
    async def read(made: Shop, cache: Cache) -> list[list[str]]:
        async def load() -> list[str]:
            return made._load(NAME.format(1))

        name, answers = cache.cached(prefix="of a loop")(load), []
        for change in ("soup", "broth", "stew"):
            made.elsewhere(f"UPDATE product SET name = '{change}' WHERE id = 1")
            answers.append(await name())
        return answers

    with Cache("memory://", consistency="strict") as cache:
        made = Shop(tmp_path / "shop.db", cache)
        with made.watcher:
            assert asyncio.run(read(made, cache)) == [["('soup',)"], ["('broth',)"], ["('stew',)"]]
        made.connection.close()


def test_a_cache_that_comes_back_is_told_what_it_missed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'cache'}"
    with Cache("memory://") as first:
        made = Shop(
            tmp_path / "shop.db", first, schema=SCHEMA + "CREATE VIEW one AS SELECT name FROM product;"
        )
        with SQLiteWatcher(made.path, every=3600) as watcher:  # of every cache of the process
            for consistency, change in (
                ("strict", "UPDATE product SET name = 'stew' WHERE id = 1"),
                ("bounded", "DROP VIEW one; CREATE VIEW one AS SELECT code FROM product"),
                ("bounded", "SELECT 1"),
            ):
                with Cache(url, consistency=consistency) as other:
                    watcher.follow_once()
                    name = other.cached(prefix="back", key=lambda: "one")(
                        lambda: made.connection.execute("SELECT * FROM one").fetchall()[0][0]
                    )
                    assert name() == made.connection.execute("SELECT * FROM one").fetchall()[0][0]
                made.elsewhere(*change.split("; "))
                watcher.follow_once()
        made.close()


def test_who_was_stopped_with_the_lock_is_waited_for_once(
    sold: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.db.watch.sqlite.positions._PATIENCE", 0.05)
    held = os.open(f"{sold.path}-afresh", os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    for number in range(3):
        change = f"UPDATE product SET price = {number + 50} WHERE id = 1"
        assert sold.told(PRICE.format(1), by=lambda: sold.elsewhere(change)) == [True]  # noqa: B023
    os.close(held)
    assert sold.told(
        PRICE.format(1),
        PRICE.format(2),
        by=lambda: sold.elsewhere("UPDATE product SET price = 1 WHERE id = 1"),
    )[0]

"""What another program does to an SQLite file tells those who read it, and as a rule nobody else."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_shop import SCHEMA, Shop, shop

from afresh.db.watch.sqlite import SQLiteWatcher

NAME = "SELECT name FROM product WHERE id = {}"
PRICE = "SELECT price FROM product WHERE id = {}"
CODED = "SELECT id FROM product WHERE code = '{}'"
STARS = "SELECT sum(stars) FROM review WHERE product = {}"
NOTE = "SELECT note FROM place WHERE town = 'Ulm' AND street = '{}'"
COUNT = "SELECT count(*) FROM product"


@pytest.fixture(params=["WAL", "DELETE"])
def sold(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path, mode=request.param) as made:
        yield made


def test_an_update_tells_who_reads_that_column_of_that_row(sold: Shop) -> None:
    told = sold.told(
        PRICE.format(1), NAME.format(1), PRICE.format(2), COUNT,
        by=lambda: sold.elsewhere("UPDATE product SET price = 5 WHERE name = 'soup'"),
    )  # fmt: skip
    assert told == [True, False, False, False]


def test_an_update_that_changes_nothing_tells_nobody(sold: Shop) -> None:
    told = sold.told(PRICE.format(1), COUNT, by=lambda: sold.elsewhere("UPDATE product SET price = price"))
    assert told == [False, False]
    assert sold.watcher.status.everything == 0


def test_an_insert_and_a_delete_tell_who_would_have_the_row(sold: Shop) -> None:
    asked = (CODED.format("d"), CODED.format("a"), NAME.format(1), COUNT)
    told = sold.told(
        *asked, by=lambda: sold.elsewhere("INSERT INTO product (name, code) VALUES ('salt', 'd')")
    )
    assert told == [True, False, False, True]
    told = sold.told(*asked, by=lambda: sold.elsewhere("DELETE FROM product WHERE code = 'd'"))
    assert told == [True, False, False, True]


def test_the_row_that_a_new_one_replaces_is_told(sold: Shop) -> None:
    """No trigger of SQLite's fires for it."""
    replace = "INSERT OR REPLACE INTO product (id, name, code) VALUES (9, 'broth', 'a')"
    told = sold.told(NAME.format(1), NAME.format(2), by=lambda: sold.elsewhere(replace))
    assert told == [True, False]
    replace = "UPDATE OR REPLACE product SET code = 'b' WHERE id = 3"
    told = sold.told(NAME.format(2), NAME.format(9), by=lambda: sold.elsewhere(replace))
    assert told == [True, False]


def test_a_row_that_is_updated_instead_of_inserted_is_told_by_its_columns(sold: Shop) -> None:
    upsert = "INSERT INTO product (id, price) VALUES (1, 8) ON CONFLICT DO UPDATE SET price = excluded.price"
    told = sold.told(PRICE.format(1), NAME.format(1), COUNT, by=lambda: sold.elsewhere(upsert))
    assert told == [True, False, False]


def test_a_key_without_row_numbers(sold: Shop) -> None:
    replace = "REPLACE INTO place VALUES ('Ulm', 'High', 'z')"
    assert sold.told(NOTE.format("High"), NOTE.format("Low"), by=lambda: sold.elsewhere(replace)) == [
        True,
        False,
    ]


@pytest.mark.parametrize("deferred", [0, 1])
def test_cascades(sold: Shop, deferred: int) -> None:
    told = sold.told(
        STARS.format(1), STARS.format(2),
        by=lambda: sold.elsewhere(
            f"PRAGMA defer_foreign_keys = {deferred}", "DELETE FROM product WHERE id = 1", foreign_keys=1
        ),
    )  # fmt: skip
    assert told == [True, False]


def test_everything_of_a_table_is_a_few_tags(sold: Shop) -> None:
    before = sold.watcher.status.tags
    told = sold.told(
        NAME.format(1), STARS.format(1),
        by=lambda: sold.elsewhere(
            "DELETE FROM product",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
            " INSERT INTO product (id, name) SELECT i, 'p' || i FROM n",
        ),
    )  # fmt: skip
    assert told == [True, False]
    assert sold.watcher.status.tags - before < 10


def test_a_transaction_that_is_rolled_back_tells_nobody(sold: Shop) -> None:
    with closing(sqlite3.connect(sold.path)) as other:
        assert sold.again(NAME.format(1)) == [True]
        other.execute("DELETE FROM product")
        sold.watcher.follow_once()
        other.rollback()
        sold.watcher.follow_once()
    assert sold.again(NAME.format(1)) == [False]


def test_who_writes_through_another_database_is_seen(sold: Shop, tmp_path: Path) -> None:
    def attached() -> None:
        with closing(sqlite3.connect(tmp_path / "other.db", isolation_level=None)) as other:
            other.execute(f"ATTACH '{sold.path}' AS shop")
            other.execute("CREATE TEMP TABLE afresh_watch_log (id)")
            other.execute("UPDATE shop.product SET name = 'sauce' WHERE id = 1")

    assert sold.told(NAME.format(1), NAME.format(2), by=attached) == [True, False]


def test_at_a_glance_it_is_seen_that_nothing_was_changed(sold: Shop) -> None:
    watcher = SQLiteWatcher(sold.path, sold.cache)  # without a thread
    watcher.follow_once()
    glances = [watcher.unchanged()]
    sold.elsewhere("UPDATE product SET price = 5 WHERE id = 1")
    glances += [watcher.unchanged(), watcher.unchanged()]
    watcher.follow_once()
    glances.append(watcher.unchanged())
    sold.path.rename(sold.path.with_suffix(".gone"))
    glances.append(watcher.unchanged())
    assert glances == [True, False, False, True, False]
    watcher.stop()
    watcher.run()


class _FreeOnceSomebodyWaits:
    """The lock of a look that has ended, but for getting the interpreter."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        return blocking and timeout != 0

    def release(self) -> None:
        pass


def test_a_glance_waits_for_another_that_needs_only_the_interpreter(sold: Shop) -> None:
    watcher = SQLiteWatcher(sold.path, sold.cache)  # without a thread
    watcher.follow_once()
    watcher._follower._lock = _FreeOnceSomebodyWaits()
    assert watcher.unchanged()
    watcher._follower._lock = threading.Lock()
    with watcher._follower._lock:
        assert not watcher.unchanged(), "not for long"
    watcher.stop()
    watcher.run()


def test_where_readers_look_all_the_time_the_thread_does_not(sold: Shop) -> None:
    often, seldom = (SQLiteWatcher(sold.path, sold.cache, every=every) for every in (0, 3600))
    assert often._has_to_look()
    assert seldom._has_to_look()
    for watcher in (often, seldom):
        watcher.follow_once()
        assert watcher.unchanged()
    assert often._has_to_look()
    assert not seldom._has_to_look()
    seldom.status.state = "away"
    assert seldom._has_to_look(), "so that it is said that it is back"
    seldom.follow_once()
    assert not seldom._has_to_look()
    sold.cache._engine.look_away(seldom)
    assert seldom._has_to_look(), "for a cache that doesn't ask for looks yet"
    for watcher in (often, seldom):
        watcher.stop()
        watcher.run()


def test_writers_notice_nothing(sold: Shop) -> None:
    with closing(sqlite3.connect(sold.path)) as other:
        done = other.execute("INSERT INTO product (name, code) VALUES ('salt', 'd')")
        assert (done.lastrowid, done.rowcount) == (4, 1)
        done = other.execute("UPDATE product SET price = 1 WHERE id < 3")
        assert done.rowcount == 2
        with pytest.raises(sqlite3.IntegrityError):
            other.execute("INSERT INTO product (name, code) VALUES ('salt', 'd')")
        other.rollback()


# -- what is the same to SQLite, and not to a reader ----------------------------------------------


def test_every_difference_is_one(tmp_path: Path) -> None:
    schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, folded TEXT COLLATE NOCASE, bare); INSERT INTO t VALUES (1, 'a', 1)"
    with shop(tmp_path, schema=schema) as made:
        for change in (
            "folded = 'A'",
            "bare = 1.0",
            "bare = '1'",
            "bare = 0.0",
            "bare = -0.0",
            "bare = NULL",
            "bare = x'00'",
        ):
            (column, _) = change.split(" = ")
            told = made.told(f"SELECT {column} FROM t", by=lambda: made.elsewhere(f"UPDATE t SET {change}"))  # noqa: B023
            assert told == [True], change


def test_a_table_of_many_columns(tmp_path: Path) -> None:
    columns = ", ".join(f"c{number} INTEGER" for number in range(150))
    schema = f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns}); INSERT INTO t (id) VALUES (1)"
    with shop(tmp_path, schema=schema) as made:
        asked = [f"SELECT c{number} FROM t WHERE id = 1" for number in (3, 4, 149)]
        assert made.told(*asked, by=lambda: made.elsewhere("UPDATE t SET c3 = 1")) == [True, False, False]
        assert made.told(*asked, by=lambda: made.elsewhere("UPDATE t SET c149 = 1"))[2]


def test_names_that_have_to_be_quoted(tmp_path: Path) -> None:
    schema = """
        CREATE TABLE "order ""x" ("Group" INTEGER PRIMARY KEY, "É y" TEXT UNIQUE, rowid TEXT);
        INSERT INTO "order ""x" VALUES (1, 'a', 'r'), (2, 'b', 's');
    """
    with shop(tmp_path, schema=schema) as made:
        asked = [f'SELECT rowid FROM "order ""x" WHERE "Group" = {number}' for number in (1, 2)]
        change = """REPLACE INTO "order ""x" VALUES (3, 'a', 't')"""
        assert made.told(*asked, by=lambda: made.elsewhere(change))[0]
        assert made.watcher.status.everything == 0


def test_partial_unique_indexes_and_computed_columns(tmp_path: Path) -> None:
    schema = """
        CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, live INTEGER, up TEXT AS (upper(a)));
        CREATE UNIQUE INDEX one ON t (a COLLATE NOCASE) WHERE live = 1;
        CREATE INDEX ups ON t (up);
        INSERT INTO t VALUES (1, 'a', 1), (2, 'a', 0), (3, 'b', 1);
    """
    with shop(tmp_path, schema=schema) as made:
        asked = [f"SELECT a FROM t WHERE id = {number}" for number in (1, 2, 3)]
        told = made.told(*asked, by=lambda: made.elsewhere("REPLACE INTO t VALUES (7, 'A', 1)"))
        assert told == [True, False, False]
        asked = [f"SELECT id FROM t WHERE up = '{up}'" for up in "ABC"]
        told = made.told(*asked, by=lambda: made.elsewhere("UPDATE t SET a = 'c' WHERE id = 3"))
        assert told == [False, True, True]


def test_a_unique_index_of_an_expression_is_told_by_the_table(tmp_path: Path) -> None:
    schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE UNIQUE INDEX e ON t (lower(a)); INSERT INTO t VALUES (1, 'a')"
    with shop(tmp_path, schema=schema) as made:
        assert made.told(
            "SELECT a FROM t WHERE id = 1", by=lambda: made.elsewhere("REPLACE INTO t VALUES (2, 'A')")
        ) == [True]


@pytest.mark.parametrize("ending", ["IGNORE", "FAIL, 'no'"])
def test_a_trigger_that_keeps_others_from_firing(sold: Shop, ending: str) -> None:
    trigger = (
        f"CREATE TRIGGER guard AFTER UPDATE ON product WHEN NEW.price > 90 BEGIN SELECT RAISE({ending}); END"
    )

    def expensive() -> None:
        try:
            sold.elsewhere(
                "UPDATE product SET price = price + 1 WHERE id = 2",
                "UPDATE product SET price = 99 WHERE id = 1",
                "COMMIT",
            )
        except sqlite3.IntegrityError:
            sold.elsewhere(
                "UPDATE OR FAIL product SET price = 98 WHERE id = 1"
            ) if "FAIL" not in ending else None

    assert sold.told(PRICE.format(1), by=lambda: sold.elsewhere(trigger)) == [True]
    sold.told(PRICE.format(1), PRICE.format(2), by=expensive)
    sold.watcher.follow_once()
    assert sold.told(PRICE.format(1), by=expensive) in ([True], [False])


def test_volatile_columns_tell_nobody(tmp_path: Path) -> None:
    with shop(tmp_path, volatile={"product": ["views"]}) as made:
        whole = "SELECT name, price, code FROM product WHERE id = 1"
        assert made.told(whole, by=lambda: made.elsewhere("UPDATE product SET views = views + 1")) == [False]


# -- the schema ------------------------------------------------------------------------------------


def test_what_is_written_right_after_a_change_of_the_schema_is_told(sold: Shop) -> None:
    told = sold.told(
        "SELECT * FROM product WHERE id = 1",
        by=lambda: sold.elsewhere(
            "ALTER TABLE product ADD COLUMN weight INTEGER", "UPDATE product SET weight = 3 WHERE id = 1"
        ),
    )
    assert told == [True]
    told = sold.told(
        "SELECT weight FROM product WHERE id = 1", NAME.format(1),
        by=lambda: sold.elsewhere("UPDATE product SET weight = 4 WHERE id = 1"),
    )  # fmt: skip
    assert told[0]
    sold.watcher.follow_once()
    told = sold.told(
        "SELECT weight FROM product WHERE id = 1", NAME.format(1),
        by=lambda: sold.elsewhere("UPDATE product SET weight = 5 WHERE id = 1"),
    )  # fmt: skip
    assert told == [True, False], "it has its trigger now"


def test_a_table_that_comes_and_one_that_is_made_anew(sold: Shop) -> None:
    sold.elsewhere("CREATE TABLE late (id INTEGER PRIMARY KEY, x)", "INSERT INTO late VALUES (1, 1)")
    sold.watcher.follow_once()
    change = "UPDATE late SET x = x + 1"
    for _ in range(2):
        assert sold.told("SELECT x FROM late WHERE id = 1", by=lambda: sold.elsewhere(change)) == [True]
    sold.told(
        NAME.format(1),
        by=lambda: sold.elsewhere(
            "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT)",
            "INSERT INTO new SELECT id, name || '!' FROM product",
            "DROP TABLE product",
            "ALTER TABLE new RENAME TO product",
        ),
    )
    told = sold.told(NAME.format(1), by=lambda: sold.elsewhere("UPDATE product SET name = 'x' WHERE id = 1"))
    assert told == [True]


def test_a_view_that_is_another_one(tmp_path: Path) -> None:
    with shop(
        tmp_path, schema=SCHEMA + "CREATE VIEW cheap AS SELECT name FROM product WHERE price < 5;"
    ) as made:
        told = made.told(
            "SELECT * FROM cheap",
            by=lambda: made.elsewhere(
                "DROP VIEW cheap", "CREATE VIEW cheap AS SELECT name FROM product WHERE price < 3"
            ),
        )
        assert told == [True]


def test_a_virtual_table_is_told_by_any_change(tmp_path: Path) -> None:
    with shop(tmp_path, schema=SCHEMA + "CREATE VIRTUAL TABLE words USING fts5 (text);") as made:
        asked = "SELECT * FROM words WHERE words MATCH 'soup'"
        assert made.told(asked, by=lambda: made.elsewhere("INSERT INTO words VALUES ('soup')")) == [True]
        told = made.told(
            asked, NAME.format(2),
            by=lambda: made.elsewhere("INSERT INTO words VALUES ('soup, again')", "UPDATE product SET price = 1 WHERE id = 1"),
        )  # fmt: skip
        assert told == [True, False]

"""What writes mark: whom they tell, whom they don't, with images and without."""

import sqlite3

import pytest
from shop import mysql_shop, postgres_shop, reaches, sqlite_shop

from afresh import Row, Table, Where
from afresh.sql import Planner, sqlite_schema

SQLITE, POSTGRES, MYSQL = sqlite_shop(), postgres_shop(), mysql_shop()

NAME_OF_7 = "SELECT name FROM product WHERE id = 7"
REVIEWS_OF_7 = "SELECT stars FROM review WHERE product = 7"
ALL_NAMES = "SELECT name FROM product"


def tells(marked, planner, read, parameters=()):
    return not set(marked).isdisjoint(planner.plan(read).carried(parameters))


def test_a_write_to_a_row_tells_its_readers_alone():
    write = SQLITE.plan("UPDATE product SET name = ? WHERE id = ?")
    image = [{"id": 7, "slug": "x"}]
    assert tells(write.marked(("a", 7), old=image), SQLITE, NAME_OF_7)
    assert tells(write.marked(("a", 7), old=image), SQLITE, ALL_NAMES)
    assert not tells(write.marked(("a", 8), old=[{"id": 8, "slug": "x"}]), SQLITE, NAME_OF_7)


def test_a_write_tells_only_who_read_a_column_that_it_changed():
    marked = SQLITE.plan("UPDATE product SET price = 1 WHERE id = 7").marked(old=[{"id": 7, "slug": "x"}])
    assert not tells(marked, SQLITE, NAME_OF_7)
    assert not tells(marked, SQLITE, ALL_NAMES)
    assert not tells(marked, SQLITE, "SELECT count(*) FROM product")
    assert tells(marked, SQLITE, "SELECT * FROM product WHERE id = 7")
    assert tells(marked, SQLITE, "SELECT name FROM product WHERE id = 7 AND price > 3")
    assert tells(marked, SQLITE, "SELECT name FROM product ORDER BY price")


def test_a_volatile_column_tells_nobody():
    marked = SQLITE.plan("UPDATE product SET views = views + 1 WHERE id = 7").marked(
        old=[{"id": 7, "slug": "x"}]
    )
    for reader in (
        "SELECT * FROM product WHERE id = 7",
        "SELECT * FROM product",
        "SELECT views FROM product",
    ):
        assert not tells(marked, SQLITE, reader)
    assert set(marked) & set(Row("product", 7, columns=["views"]).carried())


def test_what_the_statement_does_not_say_is_the_whole_table():
    write = SQLITE.plan("UPDATE review SET stars = 1 WHERE id = 3")
    assert "table::review:all" in write.marked()
    image = write.old_image
    assert image is not None
    assert image.sql == 'SELECT "author", "id", "product", "stars" FROM review WHERE id = 3'
    old = image.images([(None, 3, 7, 5)])
    assert tells(write.marked(old=old), SQLITE, REVIEWS_OF_7)
    assert not tells(write.marked(old=old), SQLITE, "SELECT stars FROM review WHERE product = 8")
    assert tells(write.marked(old=old, count=2), SQLITE, "SELECT stars FROM review WHERE product = 8")


def test_a_row_that_moves_tells_both_places():
    marked = SQLITE.plan("UPDATE review SET product = 8 WHERE id = 3").marked(
        old=[{"id": 3, "product": 7, "author": 1, "stars": 2}]
    )
    assert tells(marked, SQLITE, REVIEWS_OF_7)
    assert tells(marked, SQLITE, "SELECT stars FROM review WHERE product = 8")
    assert not tells(marked, SQLITE, "SELECT stars FROM review WHERE product = 9")
    assert not tells(marked, SQLITE, "SELECT stars FROM review WHERE author = 1")


def test_inserts():
    write = SQLITE.plan("INSERT INTO review (product, author, stars) VALUES (?, ?, 2)")
    assert write.numbered == "id"
    assert "table::review:all" in write.marked((7, 1))
    marked = write.marked((7, 1), new=[{"id": 12}])
    assert tells(marked, SQLITE, REVIEWS_OF_7)
    assert tells(marked, SQLITE, "SELECT stars FROM review WHERE id = 12")
    assert tells(marked, SQLITE, "SELECT count(*) FROM review")
    assert not tells(marked, SQLITE, "SELECT stars FROM review WHERE product = 8")
    assert not tells(marked, SQLITE, "SELECT stars FROM review WHERE id = 13")


def test_many_rows_are_one_shape_and_one_mark_too_many_is_the_table():
    two = SQLITE.plan("INSERT INTO author (id, name) VALUES (?, ?), (?, ?)")
    three = SQLITE.plan("INSERT INTO author (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    assert two.facts is SQLITE.plan("INSERT INTO author (id, name) VALUES (?, ?)").facts
    assert "row::author:3:any" in three.marked()
    assert "row::author:5:any" in two.marked((4, "a", 5, "b"))
    many = SQLITE.plan("INSERT INTO author (id, name) VALUES " + ", ".join(["(?, ?)"] * 200))
    assert set(many.marked(tuple(range(400)))) == {"table::author:any", "table::author:all"}


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("DELETE FROM product WHERE slug = 'a'", {"product", "review"}),
        ("REPLACE INTO product (id, name) VALUES (1, 'a')", {"product", "review"}),
        ("INSERT OR REPLACE INTO author VALUES (1, 'a')", {"author"}),
        ("INSERT INTO author SELECT id, name FROM product", {"author"}),
        ("UPDATE author SET id = id + 1 WHERE id = 3", {"author"}),
        ("UPDATE author SET rowid = 3 WHERE id = 2", {"author"}),
        ("DELETE FROM author", {"author"}),
        ("CREATE INDEX x ON author (name)", {"author"}),
        ("DROP TABLE author", {"author"}),
        ("DROP VIEW good", set()),
        ("ALTER TABLE member ADD COLUMN x", {"member"}),
        ("SELECT 1; DELETE FROM author", {"author"}),
        ("WITH x AS (SELECT 1) DELETE FROM author WHERE id IN (SELECT * FROM x)", {"author"}),
    ],
)
def test_whole_tables(sql, tables):
    marked = SQLITE.plan(sql).marked()
    assert {
        name.split(":")[2] for name in marked if name.startswith("table:") and name.endswith(":all")
    } == tables


@pytest.mark.parametrize(
    ("planner", "sql"),
    [
        (POSTGRES, "TRUNCATE product CASCADE"),
        (POSTGRES, "CALL anything()"),
        (POSTGRES, "DO $$ BEGIN DELETE FROM product; END $$"),
        (POSTGRES, "SELECT anything()"),
        (POSTGRES, "SELECT * INTO x FROM product"),
        (POSTGRES, "DROP SCHEMA stock"),
        (POSTGRES, "INSERT INTO nowhere VALUES (1)"),
        (POSTGRES, "UPDATE product SET name = anything(name) WHERE id = 1"),
        (POSTGRES, "PREPARE x AS DELETE FROM product"),
        (POSTGRES, "EXPLAIN ANALYZE DELETE FROM product"),
        (POSTGRES, "UPDATE ((("),
        (POSTGRES, "FROBNICATE product"),
        (SQLITE, "UPDATE OR REPLACE product SET id = 1"),
        (SQLITE, "INSERT INTO product VALUES ('"),
    ],
)
def test_who_knows_what_it_did_has_done_everything(planner, sql):
    plan = planner.plan(sql)
    assert plan.effects_unknown
    assert plan.writes
    assert {f"table::{each.name}:all" for each in planner.catalogue.tables()} <= set(plan.marked())


@pytest.mark.parametrize(
    "sql",
    ["TRUNCATE review", "COPY review FROM stdin", "MERGE INTO review r USING product p ON r.product = p.id WHEN MATCHED"
     " THEN DELETE", "WITH gone AS (DELETE FROM review WHERE id = 1 RETURNING *) SELECT * FROM gone",
     "INSERT INTO good SELECT * FROM review", "UPDATE review r SET stars = 1 FROM product p WHERE p.id = r.product"],
)  # fmt: skip
def test_postgres_writes(sql):
    plan = POSTGRES.plan(sql)
    assert plan.kind == "write"
    assert plan.uncacheable
    assert not plan.effects_unknown
    assert tells(plan.marked(), POSTGRES, REVIEWS_OF_7)


def test_postgres_images_lock_and_parameters_are_renumbered():
    image = (
        postgres_shop("dollar")
        .plan("UPDATE public.review SET stars = $1 WHERE id = $3 AND text = $2")
        .old_image
    )
    assert image is not None
    assert (
        image.sql == 'SELECT "id", "key", "product" FROM public.review WHERE id = $1 AND text = $2 FOR UPDATE'
    )
    assert image.parameters((5, "a", 3)) == (3, "a")
    named = POSTGRES.plan("DELETE FROM review WHERE id = %(id)s RETURNING text").old_image
    assert named is not None
    assert named.sql == 'SELECT "id", "key", "product" FROM review WHERE id = %(id)s FOR UPDATE'
    assert named.parameters({"id": 3}) == {"id": 3}
    assert POSTGRES.plan("UPDATE review SET stars = 1 FROM product p WHERE p.id = product").old_image is None


def test_a_condition_that_may_find_other_rows_a_moment_later_has_no_image():
    for condition in (
        "random() < 0.5",
        "id = (SELECT max(id) FROM review)",
        "id IN (SELECT id FROM review ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)",
        "text < clock_timestamp()::text",
        "CURRENT OF somewhere",
        "mine(id)",
    ):
        assert POSTGRES.plan(f"UPDATE review SET stars = 1 WHERE {condition}").old_image is None, condition
    assert SQLITE.plan("UPDATE review SET stars = 1 WHERE random() < 0.5").old_image is None
    assert SQLITE.plan("UPDATE review SET stars = 1 WHERE id = (SELECT max(id) FROM review)").old_image
    assert POSTGRES.plan("UPDATE review SET stars = 1 WHERE lower(text) IN ('a', 'b') AND id > 3").old_image


def test_upserts():
    write = POSTGRES.plan(
        "INSERT INTO stock.product (id, count) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET count = 1"
    )
    marked = write.marked((7, 1))
    assert tells(marked, POSTGRES, "SELECT count FROM stock.product WHERE id = 7")
    assert not tells(marked, POSTGRES, "SELECT count FROM stock.product WHERE id = 8")
    assert write.numbered == ""  # the driver's lastrowid may be that of another statement
    other = POSTGRES.plan(
        "INSERT INTO product (id, name) VALUES (1, 'a') ON CONFLICT (name) DO UPDATE SET price = 1"
    )
    assert "table::product:all" in other.marked()


def test_mysql_writes():
    reader = "SELECT price FROM product WHERE name = 'foo'"
    assert reaches(MYSQL, "INSERT INTO product (id, name) VALUES (1, 'FOO')", MYSQL, reader)
    assert not reaches(MYSQL, "INSERT INTO product (id, name) VALUES (1, 'bar')", MYSQL, reader)
    assert reaches(MYSQL, "INSERT INTO product (id, name) VALUES (0, 'bar')", MYSQL, reader)  # 0 is numbered
    assert reaches(
        MYSQL, "UPDATE product p JOIN review r ON r.product = p.id SET p.name = 'x'", MYSQL, reader
    )
    assert reaches(MYSQL, "DELETE p FROM product p JOIN review r ON r.product = p.id", MYSQL, reader)
    assert reaches(
        MYSQL,
        "INSERT INTO product (id, name) VALUES (1, 'b') ON DUPLICATE KEY UPDATE name = VALUES(name)",
        MYSQL,
        reader,
    )


@pytest.mark.parametrize(
    ("sql", "kind", "word"),
    [
        ("BEGIN", "transaction", "begin"), ("START TRANSACTION", "transaction", "begin"),
        ("COMMIT", "transaction", "commit"), ("END", "transaction", "commit"), ("ROLLBACK", "transaction", "rollback"),
        ("SAVEPOINT a", "transaction", "savepoint"), ("RELEASE SAVEPOINT a", "transaction", "release"),
        ("ROLLBACK TO SAVEPOINT a", "transaction", "rollback to"), ("PREPARE TRANSACTION 'a'", "transaction", "prepare"),
        ("SET search_path TO x", "session", ""), ("PRAGMA foreign_keys", "session", ""),
        ("EXPLAIN SELECT 1", "other", ""), ("CREATE TABLE x (id INT)", "schema", ""),
    ],
)  # fmt: skip
def test_other_statements_are_known_by_their_kind(sql, kind, word):
    plan = POSTGRES.plan(sql)
    assert (plan.kind, plan.facts.word) == (kind, word)
    assert plan.uncacheable
    assert not plan.marked()


def test_what_is_written_by_hand_meets_what_statements_say():
    reader = SQLITE.plan("SELECT name FROM product WHERE id = 7").carried(())
    reviews = SQLITE.plan(REVIEWS_OF_7).carried(())
    names = SQLITE.plan(ALL_NAMES).carried(())
    assert set(Row("product", 7).marked()) & set(reader)
    assert set(Row("product", 7, columns=["name"]).marked()) & set(reader) & set(reader)
    assert not set(Row("product", 7, columns=["price"]).marked()) & set(reader)
    assert set(Row("product", 7).marked()) & set(names)
    assert set(Row("product", 7, columns=["name"]).marked()) & set(names)
    assert not set(Row("product", 7, columns=["price"]).marked()) & set(names)
    assert set(Where("review", product=7).marked()) & set(reviews)
    assert set(Where("review", product=7, columns=["product"]).marked()) & set(reviews)
    assert not set(Where("review", product=8).marked()) & set(reviews)
    assert set(Table("review").marked()) & set(reviews)
    write = set(
        SQLITE.plan("UPDATE product SET name = 'x' WHERE id = 7").marked(old=[{"id": 7, "slug": None}])
    )
    for each in (
        Row("product", 7),
        Row("product", 7, columns=["name"]),
        Where("product", id=7),
        Table("product"),
    ):
        assert write & set(each.carried())
    for each in (
        Row("product", 8),
        Row("product", 7, columns=["price"]),
        Where("product", id=8),
        Table("review"),
    ):
        assert not write & set(each.carried())


def test_a_row_in_the_way_by_another_collation_has_another_value():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE word (name TEXT PRIMARY KEY, n INT, other TEXT COLLATE NOCASE UNIQUE)")
    connection.execute("CREATE UNIQUE INDEX folded ON word (name COLLATE NOCASE)")
    planner = Planner("sqlite", sqlite_schema(lambda sql: connection.execute(sql).fetchall()))
    connection.close()
    assert next(iter(planner.catalogue.tables())).folded == {"name"}
    write = "INSERT INTO word (name, n) VALUES ('foo', 2) ON CONFLICT (name) DO UPDATE SET n = 5"
    assert reaches(planner, write, planner, "SELECT n FROM word WHERE name = 'Foo'")  # that row was changed


def test_an_upsert_in_sqlite_looks_for_the_rows_that_are_in_its_way():
    sql = "INSERT INTO member (club, person, since) VALUES (?, ?, ?), (?, 9, ?) ON CONFLICT (club, person) DO UPDATE SET since = excluded.since"
    image = SQLITE.plan(sql).old_image
    assert image is not None
    assert image.sql.endswith(
        'FROM "member" WHERE "club" = ? AND "person" = ? OR "club" = ? AND "person" = ?'
    )
    assert image.parameters((1, 2, "x", 3, "y")) == (1, 2, 3, 9)
    assert (
        POSTGRES.plan(
            "INSERT INTO stock.product (id, count) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET count = 3"
        ).old_image
        is None
    )
    for odd in ("VALUES (abs(1), 2)", "VALUES (CAST('1' AS INT), 2)", "SELECT 1, 2", "VALUES (NULL, 2)"):
        image = SQLITE.plan(
            f"INSERT INTO review (id, stars) {odd} ON CONFLICT (id) DO UPDATE SET stars = 1"
        ).old_image
        assert image is None or "NULL" in odd, odd


def test_an_upsert_with_the_row_in_its_way_tells_its_readers_alone():
    plan = SQLITE.plan(
        "INSERT INTO review (id, product, author, stars) VALUES (1, 7, 3, 4) ON CONFLICT (id) DO UPDATE SET text = 'x'"
    )
    old = [{"id": 1, "product": 8, "author": 3, "stars": 2}]
    for marked in (plan.marked((), old=old, count=1), plan.marked((), old=[], count=1)):
        assert tells(marked, SQLITE, REVIEWS_OF_7)
        assert not tells(marked, SQLITE, "SELECT stars FROM review WHERE product = 9")
    assert tells(plan.marked((), old=old, count=1), SQLITE, "SELECT text FROM review WHERE product = 8")
    assert tells(plan.marked(()), SQLITE, "SELECT stars FROM review WHERE product = 9")

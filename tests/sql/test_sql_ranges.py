"""Ranges: who reads one is told of what moves into it, out of it or within it, and of little else."""

from __future__ import annotations

import random
import sqlite3
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import reaches

from afresh import Row, Where
from afresh import Table as TableTag
from afresh.sql import Column, Planner, Schema, Table, sqlite_schema
from afresh.sql.schema import kinds
from afresh.sql.schema.kinds_sqlite import sqlite_kind
from afresh.sql.tags.bounds import Bounded
from afresh.sql.tags.labels import labels, scale_of
from afresh.sql.tags.scales import DAYS, INSTANTS, NUMBERS, Scale

SCHEMA = """
    CREATE TABLE shelf (id INTEGER PRIMARY KEY);
    CREATE TABLE product (
        id INTEGER PRIMARY KEY, shelf INTEGER REFERENCES shelf(id), name TEXT, price INTEGER, since DATE, stock INTEGER
    );
    CREATE INDEX by_price ON product(price);
    CREATE INDEX by_since ON product(since);
    CREATE INDEX by_shelf ON product(shelf);
"""


def planner() -> Planner:
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(SCHEMA)
        return Planner("sqlite", sqlite_schema(lambda sql: connection.execute(sql).fetchall()))
    finally:
        connection.close()


PLANNER = planner()


def tells(read: str, asked: object, old: dict[str, object], **changes: object) -> bool:
    """Whether an UPDATE of one row tells a reader."""
    plan = PLANNER.plan(f"UPDATE product SET {', '.join(f'{name} = ?' for name in changes)} WHERE id = ?")
    row = {"id": 7, "shelf": 1, "price": 300, "since": "2026-03-01", **old}
    marked = plan.marked((*changes.values(), 7), old=[row], new=[{**row, **changes}], count=1)
    return not set(marked).isdisjoint(PLANNER.plan(read).carried(asked))  # type: ignore[arg-type]


def test_what_moves_beyond_a_range_does_not_tell_it():
    read = "SELECT id FROM product WHERE price < ?"
    assert not tells(read, (100,), {"price": 300}, price=280)
    assert tells(read, (100,), {"price": 300}, price=80)
    assert tells(read, (100,), {"price": 80}, price=300)
    assert tells(read, (100,), {"price": 80}, price=81)


def test_what_changes_within_a_range_tells_who_read_that_column():
    read = "SELECT name FROM product WHERE price BETWEEN ? AND ?"
    assert tells(read, (200, 400), {}, name="new")
    assert not tells(read, (500, 900), {}, name="new")
    assert not tells(read, (200, 400), {}, stock=3)


def test_every_way_to_say_it():
    for read, asked in (
        ("SELECT id FROM product WHERE price > ?", (1000,)),
        ("SELECT id FROM product WHERE ? <= price", (1000,)),
        ("SELECT id FROM product WHERE price >= 1000", ()),
        ("SELECT id FROM product WHERE NOT stock = 1 AND price <= -3", ()),
        ("SELECT count(*) FROM product p WHERE p.price BETWEEN 1 AND :most", {"most": 99}),
        ("SELECT s.id FROM shelf s LEFT JOIN product p ON p.shelf = s.id AND p.price < 9", ()),
        ("SELECT id FROM product WHERE since >= ?", ("2026-04-01",)),
        ("SELECT id FROM product WHERE since < '2026-02-01 12:00'", ()),
    ):
        assert not tells(read, asked, {}, price=310), read
        assert not tells(read, asked, {}, since="2026-03-05"), read


def test_what_is_no_range_tells_as_before():
    for read, asked in (
        ("SELECT id FROM product WHERE price > ? OR stock = 1", (1000,)),
        ("SELECT id FROM product WHERE NOT price < ?", (1000,)),
        ("SELECT id FROM product WHERE price + 1 > ?", (1000,)),
        ("SELECT id FROM product WHERE price > ? COLLATE NOCASE", ("x",)),
        ("SELECT id FROM product WHERE price > ?", ("1e3",)),
        ("SELECT id FROM product WHERE price > ?", (None,)),
        ("SELECT id FROM product WHERE price > CAST(? AS TEXT)", ("1000",)),
        ("SELECT s.id FROM shelf s LEFT JOIN product p ON p.shelf = s.id AND s.id < 9", ()),
    ):
        assert tells(read, asked, {}, price=310) or "s.id < 9" in read, read


def test_rows_that_come_and_go():
    insert = "INSERT INTO product (id, shelf, price, since) VALUES (?, ?, ?, ?)"
    read = "SELECT name FROM product WHERE price < 100"
    assert reaches(PLANNER, insert, PLANNER, read, (9, 1, 50, None))
    assert not reaches(PLANNER, insert, PLANNER, read, (9, 1, 500, None))
    assert not reaches(PLANNER, insert, PLANNER, read, (9, 1, None, None))
    assert reaches(PLANNER, insert, PLANNER, read, (9, 1, "1e1", None))  # uncertain: the table


def test_foreign_keys_and_row_numbers_make_no_ranges():
    table = PLANNER.catalogue.named("product")
    assert isinstance(table, Table)
    assert set(table.ranged()) == {"price", "since"}


def test_a_reader_carries_few_tags_and_a_write_marks_few():
    for read in ("price > 1", "price < 1000000", "price BETWEEN 17 AND 100001", "since > '1970-01-02'"):
        assert len(PLANNER.plan(f"SELECT id, name, stock FROM product WHERE {read}").carried(())) <= 130, read
    plan = PLANNER.plan("UPDATE product SET stock = 1 WHERE id = 7")
    row = {"id": 7, "shelf": 1, "price": 3, "since": "2026-03-01"}
    assert len(plan.marked((), old=[row], count=1)) == 26


def test_a_write_of_many_pieces_marks_the_scale_and_no_more():
    plan = PLANNER.plan("UPDATE product SET stock = 1 WHERE stock = 0")
    rows = [{"id": n, "shelf": 1, "price": 2**n, "since": f"{2000 + n}-03-01"} for n in range(21)]
    marked = set(plan.marked((), old=rows, count=21))
    assert "table::product:all" not in marked
    assert not marked.isdisjoint(PLANNER.plan("SELECT stock FROM product WHERE price < 0").carried(()))
    assert marked.isdisjoint(PLANNER.plan("SELECT stock FROM product WHERE id = 99").carried(()))


def test_a_transaction_of_many_pieces_marks_the_scale_and_no_more():
    plan = PLANNER.plan("UPDATE product SET stock = 1 WHERE id = ?")
    bounded = Bounded("", marks=True)
    for n in range(18):
        row = {"id": n, "shelf": 1, "price": 2**n, "since": f"{2000 + n}-03-01"}
        bounded.add(plan.marked((n,), old=[row], count=1))
    marked = set(bounded.names())
    assert not bounded.has_whole("product")
    assert not marked.isdisjoint(PLANNER.plan("SELECT stock FROM product WHERE price < 100").carried(()))
    assert marked.isdisjoint(PLANNER.plan("SELECT stock FROM product WHERE id = 99").carried(()))


def test_no_value_is_taken_for_a_piece():
    assert scale_of("row:d:a.t:price~1=24:any") == "row:d:a.t:price~:all"
    for dependency in (
        Row("t", "price~1=24"),
        Where("t", price="~1=2"),
        Row("t", 7, columns=["a~1=2"]),
        TableTag("t"),
    ):
        assert [scale_of(name) for name in dependency.marked()].count(None) == len(list(dependency.marked()))


# Order is all that scales promise: the database's own is asked.

NUMBERS_AND_TEXTS = [
    *(0, 1, -1, 2, 3, 15, 16, 17, 255, 256, -256, -257, 2**31, 2**53 + 1, -(2**62), 10**15),
    *(0.0, -0.0, 0.001, -0.001, 0.0039, 0.00390625, 1.5, 3.99, 1e300, -1e300, float("inf"), float("-inf")),
    *(
        "",
        " ",
        "a",
        "é",
        "12",
        "007",
        "-3",
        "2026",
        "2026-01-31",
        "2026-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-01-99",
    ),
    *(
        "2026-01-31 23:59",
        "2026-01",
        "2026/01/01",
        "0000-01-01",
        "9999-12-31",
        "1815-06-18",
        "1925-02-20",
        ":",
        "/",
        "2099",
    ),
    *(b"", b"a", True, False),
]


@pytest.mark.parametrize("declared", ["INTEGER", "REAL", "NUMERIC", "DATE", "TIMESTAMP", "datetime"])
def test_places_keep_the_order_of_sqlite(declared):
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t (n INTEGER PRIMARY KEY, v {declared})")
    connection.executemany("INSERT INTO t (v) VALUES (?)", [(each,) for each in NUMBERS_AND_TEXTS])
    order = [NUMBERS_AND_TEXTS[n - 1] for (n,) in connection.execute("SELECT n FROM t ORDER BY v, n")]
    scale = sqlite_kind(declared).scale
    assert scale is not None
    places = [place for each in order if (place := scale.place(each)) is not None]
    connection.close()
    assert places == sorted(places)
    assert 0 <= places[0] < places[-1] <= scale.top
    assert len(places) > 40


@given(
    st.lists(
        st.one_of(
            st.integers(), st.floats(allow_nan=False), st.decimals(allow_nan=False, allow_infinity=False)
        )
    )
)
def test_places_keep_the_order_of_numbers(values):
    places = [place for each in sorted(values) if (place := NUMBERS.place(each)) is not None]
    assert places == sorted(places)
    assert all(0 <= place <= NUMBERS.top for place in places)


@given(st.lists(st.text("0123456789-/: T", max_size=12)))
def test_places_keep_the_order_of_texts(values):
    scale = sqlite_kind("DATE").scale
    assert scale is not None
    texts = sorted(
        each for each in values if sqlite_kind("DATE").compared(each) == sqlite_kind("").compared(each)
    )
    places = [place for each in texts if (place := scale.place(each)) is not None]
    assert places == sorted(places)


@given(
    st.lists(
        st.datetimes(
            timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))])
        )
    )
)
def test_places_keep_the_order_of_times(values):
    places = [place for each in sorted(values) if (place := INSTANTS.place(each)) is not None]
    assert places == sorted(places)
    naive = [DAYS.place(each) for each in sorted(each.replace(tzinfo=None) for each in values)]
    assert naive == sorted(naive)  # type: ignore[type-var]
    assert DAYS.place(date(2026, 1, 2)) == DAYS.place(datetime(2026, 1, 2, 23)) == DAYS.place("2026-01-02")


def test_what_has_no_place():
    assert NUMBERS.place(float("nan")) is NUMBERS.place("x") is NUMBERS.place(Decimal("NaN")) is None
    assert NUMBERS.place(10**400) is None
    assert (
        DAYS.place("soon")
        is DAYS.place(datetime(2026, 1, 1, tzinfo=UTC))
        is INSTANTS.place(datetime(2026, 1, 1))
        is None
    )


@pytest.mark.parametrize("scale", [NUMBERS, DAYS])
def test_pieces_cover_ranges_and_little_more(scale: Scale):
    chance = random.Random(5)
    for _ in range(500):
        low, high = sorted(chance.randint(0, scale.top) for _ in range(2))
        for most in (1000, 20):
            pieces = set(scale.cover(low, high, most))
            assert all(not pieces.isdisjoint(scale.pieces(chance.randint(low, high))) for _ in range(20))
            if most == 1000:
                assert all(
                    pieces.isdisjoint(scale.pieces(at)) for at in (low - 1, high + 1) if 0 <= at <= scale.top
                )
    assert scale.cover(5, 4, 9) == ()


def test_kinds_of_postgresql_that_have_an_order():
    columns = [
        Column(kind.name, kind)
        for kind in (
            kinds.INTEGER,
            kinds.FLOAT,
            kinds.numeric(2),
            kinds.DATE,
            kinds.timestamp(6),
            kinds.TEXT,
            kinds.BOOLEAN,
        )
    ]
    table = Table("t", tuple(columns), (), tuple((each.name,) for each in columns))
    assert list(table.ranged()) == ["integer", "float", "numeric", "date", "timestamp"]
    assert [len(levels) for _, levels in labels("", "t").scales(table)] == [3, 3, 3, 4, 4]
    planner = Planner("postgres", Schema([table], default="public"), paramstyle="pyformat")
    read = planner.plan("SELECT text FROM t WHERE date >= %s AND date < %s")
    assert any("date~0=" in name for name in read.carried((date(2026, 1, 1), date(2026, 1, 3))))


def test_a_cast_that_changes_nothing_keeps_the_place():
    table = Table("t", (Column("id", kinds.INTEGER), Column("n", kinds.INTEGER)), ("id",), (("n",),))
    planner = Planner("postgres", Schema([table], default="public"), paramstyle="pyformat")
    insert = "INSERT INTO t (id, n) VALUES (%s::INTEGER, %s::INTEGER)"
    assert reaches(planner, insert, planner, "SELECT n FROM t WHERE n < %s::INTEGER", (1, 5), (9,))
    assert not reaches(planner, insert, planner, "SELECT n FROM t WHERE n < %s::INTEGER", (1, 5), (2,))
    assert not reaches(planner, insert, planner, "SELECT n FROM t WHERE n = %s::INTEGER", (1, 5), (2,))

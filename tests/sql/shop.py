"""The schema that the tests of statements share, for each dialect."""

from __future__ import annotations

import sqlite3

from afresh.sql import Column, Effect, Planner, Schema, Table, View, sqlite_schema
from afresh.sql.schema import kinds
from afresh.sql.schema.kinds_mysql import mysql_integer, mysql_text

SQLITE = """
    CREATE TABLE product (
        id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, section TEXT, price NUMERIC, views INT, slug TEXT UNIQUE
    );
    CREATE TABLE review (
        id INTEGER PRIMARY KEY, product INTEGER NOT NULL REFERENCES product(id) ON DELETE CASCADE,
        author INTEGER, stars INT DEFAULT 3, text TEXT
    );
    CREATE INDEX review_product ON review(product);
    CREATE INDEX review_author ON review(author, stars);
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE member (club INT, person INT, since TEXT, PRIMARY KEY (club, person));
    CREATE VIEW good AS SELECT id, product, stars FROM review WHERE stars > 3 AND product = 7;
"""


def sqlite_shop(**options: object) -> Planner:
    """The shop in SQLite."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(SQLITE)
        schema = sqlite_schema(
            lambda sql: connection.execute(sql).fetchall(), volatile={"product": ["views"]}
        )
    finally:
        connection.close()
    return Planner("sqlite", schema, **options)  # type: ignore[arg-type]


def _tables(integer: kinds.Kind, text: kinds.Kind) -> list[Table | View]:
    def number(name: str) -> Column:
        return Column(name, integer, numbered=name == "id")

    product = (
        number("id"),
        Column("name", text),
        Column("price", kinds.numeric(2)),
        Column("active", kinds.BOOLEAN),
    )
    review = (
        number("id"),
        number("product"),
        number("stars"),
        Column("text", text),
        Column("key", kinds.UUIDS),
    )
    cascade = Effect("delete", "review")
    return [
        Table("product", product, ("id",), (("name",),), (cascade,)),
        Table("review", review, ("id",), (("product",), ("key",))),
        Table("stock.product", (number("id"), number("count")), ("id",)),
        Table("secret", (number("id"),), ("id",), guarded=True),
        View("good", "SELECT * FROM review WHERE stars > 3"),
        View("strange", None, ("review",)),
    ]


def postgres_shop(paramstyle: str = "pyformat") -> Planner:
    """The shop in PostgreSQL."""
    schema = Schema(
        _tables(kinds.INTEGER, kinds.TEXT), default="public", exact=True, functions={"my_pure": "pure"}
    )
    return Planner("postgres", schema, paramstyle=paramstyle)  # type: ignore[arg-type]


def mysql_shop() -> Planner:
    """The shop in MySQL."""
    text = mysql_text(20, "utf8mb4_0900_ai_ci")
    return Planner("mysql", Schema(_tables(mysql_integer(32), text), default="shop"), paramstyle="pyformat")


def reaches(
    writer: Planner, write: str, reader: Planner, read: str, given: object = (), asked: object = ()
) -> bool:
    """Whether a write without images tells a reader."""
    marked = writer.plan(write).marked(given)  # type: ignore[arg-type]
    return not set(marked).isdisjoint(reader.plan(read).carried(asked))  # type: ignore[arg-type]

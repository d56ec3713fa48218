"""Texts of statements about the connection itself."""

from __future__ import annotations

import pytest

from afresh.db.steps import limited, name_of, oddity, returned


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SAVEPOINT one", "one"),
        ("savepoint One;", "one"),
        ('SAVEPOINT "a b"', "a b"),
        ("SAVEPOINT `x`", "x"),
        ("RELEASE SAVEPOINT one", "one"),
        ("RELEASE one", "one"),
        ("ROLLBACK TO SAVEPOINT one", "one"),
        ("ROLLBACK TO one", "one"),
        ("ROLLBACK TRANSACTION TO SAVEPOINT s1 ;", "s1"),
        ("BEGIN", ""),
    ],
)
def test_the_name_of_a_savepoint(sql: str, name: str) -> None:
    assert name_of(sql) == name


@pytest.mark.parametrize(
    ("sql", "odd"),
    [
        ("SET search_path TO other", True),
        ("SET ROLE someone", True),
        ("ATTACH DATABASE 'x' AS y", True),
        ("SET SESSION AUTHORIZATION x", True),
        ("SET statement_timeout = 5", False),
        ("PRAGMA foreign_keys = ON", False),
    ],
)
def test_what_makes_names_doubtful(sql: str, odd: bool) -> None:
    assert bool(oddity(sql)) is odd


def test_a_query_for_so_many_rows() -> None:
    assert limited("SELECT id FROM t WHERE a", 5) == "SELECT id FROM t WHERE a LIMIT 5"
    assert limited("SELECT id FROM t WHERE a FOR UPDATE", 5) == "SELECT id FROM t WHERE a LIMIT 5 FOR UPDATE"


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("INSERT INTO t (a) VALUES (1) RETURNING id", ("id",)),
        ('INSERT INTO "t" VALUES (1) returning "t"."Id", t.b ;', ("Id", "b")),
        ("INSERT INTO t VALUES (1) RETURNING id + 1", ()),
        ("INSERT INTO t VALUES (1) RETURNING name AS id", ()),
        ("INSERT INTO t VALUES (1) RETURNING *", ()),
        ("INSERT INTO t VALUES ('returning id')", ()),
        ("INSERT INTO t VALUES (1)", ()),
    ],
)
def test_columns_that_are_returned(sql: str, columns: tuple[str, ...]) -> None:
    assert returned(sql) == columns


def test_the_lock_of_an_update_leaves_alone_who_only_refers_to_the_row():
    query = "SELECT id FROM t WHERE a FOR UPDATE"
    assert limited(query, 5, keeps_keys=True) == "SELECT id FROM t WHERE a LIMIT 5 FOR NO KEY UPDATE"

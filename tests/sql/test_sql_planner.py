"""The planner: one parse for a shape, bounded memories, and never an exception."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import mysql_shop, postgres_shop, sqlite_shop

from afresh.sql import Planner, plan, shapes
from afresh.sql.text.lexer import Unlexable, tokens
from afresh.sql.text.shape import shaped

PLANNERS = [sqlite_shop(), postgres_shop(), mysql_shop()]


def test_a_shape_is_planned_once(monkeypatch):
    planner = sqlite_shop()
    parsed: list[str] = []
    real = shapes.parsed
    monkeypatch.setattr(shapes, "parsed", lambda text, dialect: parsed.append(text) or real(text, dialect))
    for number in range(20):
        values = ", ".join(map(str, range(number + 1)))
        planner.plan(
            f"SELECT name FROM product /* {number} */ WHERE id IN ({values}) AND slug <> 'x{number}' -- {number}"
        )
    assert len(parsed) == 1


def test_texts_and_shapes_are_bounded():
    planner = Planner("sqlite", texts=10, shapes=10)
    for number in range(50):
        planner.plan(f"SELECT c{number} FROM t")
    assert planner.plan.cache_info().currsize == 10
    assert len(planner._facts) == 10


def test_the_same_text_is_one_look_up():
    planner = sqlite_shop()
    assert planner.plan("SELECT name FROM product WHERE id = ?") is planner.plan(
        "SELECT name FROM product WHERE id = ?"
    )


def test_a_plan_without_a_planner():
    first = plan("SELECT a FROM t WHERE id = 7", dialect="sqlite", database="other")
    assert first.carried(()) == ("table:other:t:any", "table:other:t:all")
    assert first is plan("SELECT a FROM t WHERE id = 7", dialect="sqlite", database="other")


def test_a_search_path():
    shop = postgres_shop()
    planner = Planner("postgres", shop.catalogue, path=("stock", "public"))
    assert "row::stock.product:7:any" in planner.plan("SELECT * FROM product WHERE id = 7").carried(())
    assert "row::review:7:any" in planner.plan("SELECT * FROM review WHERE id = 7").carried(())


def test_dependencies_are_what_the_cache_takes():
    dependency = sqlite_shop().plan("SELECT * FROM product WHERE id = ?").dependency((7,))
    assert list(dependency.carried()) == ["row::product:7:any", "table::product:all"]
    assert list(dependency.marked()) == []


WORDS = st.sampled_from(
    [
        "SELECT",
        "FROM",
        "WHERE",
        "product",
        "review",
        "id",
        "name",
        "=",
        "?",
        "%s",
        ":a",
        "$1",
        "(",
        ")",
        ",",
        ".",
        "*",
        "'x'",
        "7",
        "-7",
        "IN",
        "VALUES",
        "INSERT",
        "INTO",
        "UPDATE",
        "SET",
        "DELETE",
        "JOIN",
        "LEFT",
        "ON",
        "AND",
        "OR",
        "NOT",
        "UNION",
        "WITH",
        "x",
        "AS",
        "EXISTS",
        "NULL",
        "IS",
        "LIMIT",
        ";",
        '"',
        "'",
        "/*",
        "*/",
        "--",
        "[",
        "]",
        "`",
        "$$",
        "::",
        "CASE",
        "WHEN",
        "END",
    ]
)


@given(st.one_of(st.lists(WORDS, max_size=25).map(" ".join), st.text(max_size=30)))
def test_no_text_makes_it_fail(text):
    for planner in PLANNERS:
        found = planner.plan(text)
        found.carried((7,))
        found.marked((7,))
        assert found.uncacheable or found.kind == "read"


def test_a_failure_of_ours_is_a_refusal(monkeypatch):
    monkeypatch.setattr("afresh.sql.planner.facts_of", lambda *arguments: 1 / 0)
    planner = sqlite_shop()
    assert "ZeroDivisionError" in planner.plan("SELECT 1").uncacheable
    assert not planner.plan("SELECT 1").writes
    assert "ZeroDivisionError" in planner.plan("DELETE FROM product").effects_unknown


def test_a_deep_statement_is_refused():
    deep = "SELECT " + "(" * sys.getrecursionlimit() + "1" + ")" * sys.getrecursionlimit()
    assert sqlite_shop().plan(deep).uncacheable


@pytest.mark.parametrize(
    "text", ["SELECT 'a", 'SELECT "a', "SELECT /* a", "SELECT /* a /* b */", "SELECT /*! 1 */ 2"]
)
def test_what_has_no_end_has_no_tokens(text):
    with pytest.raises(Unlexable):
        tokens(text, "postgres", "pyformat")


def test_a_parameter_in_a_comment_counts():
    with pytest.raises(Unlexable, match="comment"):
        tokens("SELECT 1 -- %s", "postgres", "pyformat")
    assert tokens("SELECT 1 -- ?", "sqlite", "sqlite")


def test_rows_that_differ_are_not_one_row():
    one = shaped("INSERT INTO t VALUES (1, 2), (3, now())", "postgres", "pyformat")
    assert len(one.holes) == 3
    assert len(shaped("INSERT INTO t VALUES (1, %s), (%s, 4)", "postgres", "pyformat").holes) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a @> %s", ["a", "@>", "%s"]), ("a#>>'{x}'", ["a", "#>>", "'{x}'"]), ("a=-7", ["a", "=", "-", "7"]),
        ("a*-- c\n2", ["a", "*", "2"]), ("a>=/* c */1", ["a", ">=", "1"]), ("a::int", ["a", "::", "int"]),
        ("a<%s", ["a", "<", "%s"]), ("a %% 2", ["a", "%%", "2"]), ("a !~~* 'x'", ["a", "!~~*", "'x'"]),
    ],
)  # fmt: skip
def test_operators_are_whole(text, expected):
    assert [each.text for each in tokens(text, "postgres", "pyformat")] == expected

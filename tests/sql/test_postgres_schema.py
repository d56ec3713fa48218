"""The catalogue that is read from PostgreSQL: from answers as PostgreSQL 15 gives them."""

from __future__ import annotations

from typing import Any

import pytest

from afresh.sql import Planner, Schema, Table, View, postgres_schema
from afresh.sql.schema.postgres import kind_of

ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "FROM pg_class": [
        (1, "public", "product", "r", False, None, None, False),
        (2, "public", "review", "r", False, None, None, False),
        (3, "stock", "product", "r", False, None, None, False),
        (4, "public", "part", "p", False, None, None, False),
        (5, "public", "part_2026", "r", False, 4, None, False),
        (6, "public", "hidden", "r", True, None, None, False),
        (7, "public", "good", "v", False, None, " SELECT review.id\n   FROM review\n  WHERE (review.product = 7);", False),
        (8, "public", "shady", "v", False, None, " SELECT random() AS r\n   FROM review;", False),
        (9, "public", "ruled", "r", False, None, None, True),
        (10, "public", "log", "r", False, None, None, False),
        (11, "public", "timed", "v", False, None, " SELECT part.id\n   FROM part\n  WHERE (part.day = CURRENT_DATE);", False),
    ],
    "FROM pg_attribute": [
        (1, 1, "id", "int4", -1, True, False, True, False),
        (1, 2, "name", "varchar", 24, True, False, False, True),
        (1, 3, "folded", "text", -1, False, False, False, True),
        (1, 4, "made", "text", -1, True, True, False, False),
        (2, 1, "id", "int8", -1, True, False, True, True),
        (2, 2, "product", "int4", -1, True, False, False, True),
        (3, 1, "id", "int4", -1, True, False, False, True),
        (4, 1, "id", "int4", -1, True, False, False, True),
        (4, 2, "day", "date", -1, True, False, False, True),
        (6, 1, "id", "int4", -1, True, False, False, True),
        (9, 1, "id", "int4", -1, True, False, False, True),
        (10, 1, "id", "int4", -1, True, False, False, True),
    ],
    "FROM pg_index": [
        (1, True, "1", 1), (1, False, "2", 1), (1, False, "3", 1), (2, True, "1", 1), (2, False, "2 1", 1),
        (2, False, "0", 1), (3, True, "1", 1), (4, True, "1 2", 2), (5, True, "1 2", 2),
    ],
    "FROM pg_constraint": [(1, 2, "a", "c", "1")],
    "FROM pg_trigger": [
        (2, 5, "begin insert into log values (1); return new; end", "plpgsql"),
        (3, 19, "begin new.count := 1; return new; end", "plpgsql"),
        (10, 9, "begin execute 'anything'; end", "plpgsql"),
        (4, 4, "begin x := writer(); end", "plpgsql"),
    ],
    "FROM pg_proc": [("writer", 2), ("twice", 0), ("looks", 1)],
    "current_schemas": [("public",)],
}  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> Schema:
    def query(sql: str) -> list[tuple[Any, ...]]:
        return next(rows for start, rows in ANSWERS.items() if start in sql)

    return postgres_schema(query, volatile={"review": ["product"]})


def effects(schema, name):
    found = schema.named(name)
    assert found is not None
    return {(each.operation, each.table) for each in found.effects}


def test_tables_and_their_keys(schema):
    product = schema.find("public", "product")
    assert isinstance(product, Table)
    assert product.primary == ("id",)
    assert set(product.shapes()) == {("id",), ("name",)}  # a collation that isn't deterministic is none
    assert product.by_name["id"].numbered
    assert product.by_name["made"].generated
    assert product.by_name["name"].kind.stored("a" * 21) is None
    assert schema.find("public", "review").by_name["product"].volatile
    assert schema.find("stock", "product").name == "stock.product"
    assert schema.find("public", "part_2026").name == "part"
    assert schema.find("public", "hidden").guarded


def test_what_writes_reach(schema):
    assert effects(schema, "product") == {("delete", "review")}
    assert effects(schema, "review") == {("insert", "log")}
    assert effects(schema, "log") == {("delete", None)}
    assert effects(schema, "part") == {("insert", None)}
    assert ("update", None) in effects(schema, "ruled")
    assert schema.named("stock.product").rewritten
    assert not schema.named("review").rewritten


def test_views_and_functions(schema):
    planner = Planner("postgres", schema)
    assert isinstance(schema.named("good"), View)
    assert planner.plan("SELECT * FROM timed").clock
    assert "random" in planner.plan("SELECT * FROM shady").uncacheable
    assert not planner.plan("SELECT twice(id) FROM review").uncacheable
    assert planner.plan("SELECT looks(id) FROM review").uncacheable
    assert not planner.plan("SELECT looks(id) FROM review").effects_unknown
    assert planner.plan("SELECT writer()").effects_unknown
    assert planner.plan("SELECT rename()").effects_unknown  # no name of a function to the parser
    assert not planner.plan("SELECT WHERE count(1)").effects_unknown


@pytest.mark.parametrize(
    ("name", "modifier", "one", "other"),
    [
        ("int8", -1, "7", 7), ("bpchar", 7, "a", "a  "), ("numeric", (8 << 16) + 2 + 4, "1.50", 1),
        ("varchar", -1, "a", "a"), ("uuid", -1, "12345678-1234-5678-1234-567812345678", None),
    ],
)  # fmt: skip
def test_kinds(name, modifier, one, other):
    kind = kind_of(name, modifier)
    assert kind.compared(one) is not None
    if name in {"int8", "bpchar", "varchar"}:
        assert kind.compared(one) == kind.stored(other)


def test_a_value_that_is_rounded_is_uncertain():
    from datetime import datetime
    from decimal import Decimal

    numeric = kind_of("numeric", (8 << 16) + 2 + 4)
    assert numeric.stored(Decimal("1.505")) is None
    assert numeric.stored(Decimal("1.500")) == numeric.compared("1.5")
    assert kind_of("timestamp", 0).stored(datetime(2026, 1, 1, 0, 0, 0, 5)) is None
    assert kind_of("name", -1).compared("a") is None

"""From changed rows to tags: exactly the readers that the change concerns, or the table."""

from __future__ import annotations

from decimal import Decimal

import pytest

from afresh.core.tags import Row, Where
from afresh.core.tags import Table as WholeTable
from afresh.sql import Column, Schema, Table
from afresh.sql.schema import kinds
from afresh.sql.tags.changes import Changes
from afresh.sql.tags.marking import Images

COLUMNS = (
    Column("id", kinds.INTEGER),
    Column("product", kinds.INTEGER),
    Column("stars", kinds.INTEGER),
    Column("views", kinds.INTEGER, volatile=True),
    Column("text", kinds.TEXT),
)
REVIEW = Table("review", COLUMNS, ("id",), (("product",),))
ROW = {"id": "7", "product": "1", "stars": "5", "views": "0", "text": "fine"}


def shop(table: Table = REVIEW, before: Changes | None = None) -> Changes:
    return Changes(
        Schema([table], default="public", exact=True, roots={"review_2026": "review"}), before=before
    )


def tells(reader, operation, old, new, changes=None):
    """Whether a change tells a reader."""
    changes = changes or shop()
    marked = changes.marked(changes.table("public", "review"), operation, old, new)
    return not set(marked).isdisjoint(reader.carried())


def test_a_new_row_tells_its_own_readers():
    assert tells(Row("review", 7), "insert", None, ROW)
    assert tells(Where("review", product=1), "insert", None, ROW)
    assert tells(WholeTable("review"), "insert", None, ROW)
    assert not tells(Where("review", product=2), "insert", None, ROW)
    assert not tells(Row("review", 8), "insert", None, ROW)


def test_a_row_that_went_tells_its_own_readers():
    assert tells(Where("review", product=1), "delete", ROW, None)
    assert not tells(Where("review", product=2), "delete", ROW, None)


def test_without_the_old_row_other_column_sets_are_unknown():
    assert tells(Where("review", product=2), "delete", {"id": "7"}, None)
    plain = shop(Table("review", COLUMNS, ("id",)))
    assert tells(Row("review", 7), "delete", {"id": "7"}, None, plain)
    assert not tells(Row("review", 8), "delete", {"id": "7"}, None, plain)


def test_columns_that_did_not_change_tell_nobody():
    new = {**ROW, "stars": "4"}
    assert tells(Row("review", 7, columns=["stars"]), "update", ROW, new)
    assert not tells(Row("review", 7, columns=["text"]), "update", ROW, new)
    assert not tells(Row("review", 8), "update", ROW, new)


def test_a_row_that_moved_tells_both_places():
    new = {**ROW, "product": "2"}
    assert tells(Where("review", product=1), "update", ROW, new)
    assert tells(Where("review", product=2), "update", ROW, new)
    assert not tells(Where("review", product=3), "update", ROW, new)


def test_volatile_columns_tell_nobody_who_did_not_name_them():
    new = {**ROW, "views": "1"}
    assert not tells(Row("review", 7), "update", ROW, new)
    assert not tells(WholeTable("review"), "update", ROW, new)
    assert tells(Row("review", 7, columns=["views"]), "update", ROW, new)


def test_an_update_that_changes_nothing_tells_nobody():
    assert list(shop().marked(REVIEW, "update", ROW, dict(ROW))) == []


def test_a_long_value_that_was_not_sent_did_not_change():
    new = {name: value for name, value in ROW.items() if name != "text"} | {"stars": "1"}
    assert not tells(Row("review", 7, columns=["text"]), "update", ROW, new)


def test_an_update_whose_old_row_is_unknown_tells_the_table():
    assert tells(Where("review", product=9), "update", {"id": "7"}, ROW)
    assert tells(Row("review", 9), "update", {"id": "7"}, ROW)


def test_generated_columns_are_not_in_the_log_and_change_with_any():
    table = Table("review", (*COLUMNS, Column("half", kinds.INTEGER, generated=True)), ("id",))
    changes = shop(table)
    assert tells(Row("review", 7, columns=["half"]), "update", ROW, {**ROW, "stars": "1"}, changes)
    assert not tells(Row("review", 7, columns=["text"]), "update", ROW, {**ROW, "stars": "1"}, changes)


def test_partitions_are_their_root():
    assert shop().table("public", "review_2026") == REVIEW
    assert shop().name("public", "review_2026") == "review"
    assert shop().name("stock", "review") == "stock.review"
    assert shop().table("stock", "review") is None


def test_column_sets_of_the_schema_before_are_still_told():
    bare = Table("review", COLUMNS, ("id",))
    after = shop(bare, before=shop())
    assert tells(Where("review", product=1), "insert", None, ROW, after)
    assert not tells(Where("review", product=1), "insert", None, ROW, shop(bare))


def test_everything_is_every_table_that_ever_was():
    changes = Changes(Schema([]), before=shop())
    assert set(changes.everything()) == set(WholeTable("review").carried())


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (kinds.BOOLEAN, "t", True),
        (kinds.BOOLEAN, "f", False),
        (kinds.INTEGER, "-9223372036854775808", -(2**63)),
        (kinds.FLOAT, "1.5", 1.5),
        (kinds.numeric(2), "2.50", Decimal("2.5")),
        (kinds.BYTES, "\\x00ff", b"\0\xff"),
        (kinds.UUIDS, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None),
        (kinds.TEXT, None, None),
    ],
)
def test_values_are_spelled_as_readers_spell_them(kind, text, value):
    table = Table("review", (Column("it", kind),), ("it",))
    marked = shop(table).marked(table, "insert", None, {"it": text})
    spelled = kind.compared(text if value is None else value)
    assert f"row::review:{spelled}:any" in set(marked)


def test_values_that_have_no_spelling_tell_the_table():
    table = Table("review", (Column("it", kinds.TIMESTAMP),), ("it",))
    assert set(shop(table).marked(table, "insert", None, {"it": "infinity"})) == set(
        WholeTable("review").marked()
    )


def test_tables_that_are_not_what_they_were():
    bare = shop(Table("review", COLUMNS, ("id",)))
    assert bare.differing(shop()) == {"review"}
    assert shop().differing(shop()) == set()
    assert Changes(Schema([])).differing(shop()) == {"review"}
    assert shop(before=bare).differing(shop()) == set()


def test_a_source_that_tells_columns_and_values_is_believed():
    changes = shop()
    table = changes.table("public", "review")
    old, new = {"id": 7, "product": 1}, {"id": 7, "product": 1}
    marked = set(changes.told(table, "update", frozenset({"stars"}), Images([old], [new])))
    assert not marked.isdisjoint(Where("review", product=1, columns=["stars"]).carried())
    assert marked.isdisjoint(Where("review", product=1, columns=["text"]).carried())
    assert marked.isdisjoint(Where("review", product=2).carried())

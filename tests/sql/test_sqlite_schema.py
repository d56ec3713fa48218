"""The catalogue that is read from SQLite itself."""

import sqlite3

import pytest

from afresh.sql import Planner, Table, View, sqlite_schema

SCHEMA = """
    CREATE TABLE Parent (id INTEGER PRIMARY KEY, Name TEXT NOT NULL COLLATE NOCASE, note TEXT DEFAULT 'x',
        made TEXT GENERATED ALWAYS AS (Name || '!'), UNIQUE (Name));
    CREATE TABLE child (a INT, b INT, parent INT REFERENCES parent(id) ON DELETE SET NULL ON UPDATE CASCADE,
        PRIMARY KEY (b, a)) WITHOUT ROWID;
    CREATE INDEX by_parent ON child (parent);
    CREATE INDEX by_expression ON child (a + b);
    CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT);
    CREATE TABLE strange (id INTEGER PRIMARY KEY, x INT UNIQUE ON CONFLICT REPLACE);
    CREATE TABLE custom (id INTEGER PRIMARY KEY, x TEXT COLLATE mine);
    CREATE VIEW seen AS SELECT * FROM parent;
    CREATE TRIGGER logged AFTER INSERT ON child BEGIN INSERT INTO log (text) VALUES ('child'); END;
    CREATE TRIGGER instead INSTEAD OF UPDATE ON seen BEGIN DELETE FROM log; END;
"""


@pytest.fixture(scope="module")
def schema():
    connection = sqlite3.connect(":memory:")
    connection.create_collation("mine", lambda a, b: 0)
    connection.executescript(SCHEMA)
    yield sqlite_schema(lambda sql: connection.execute(sql).fetchall(), volatile={"log": ["text"]})
    connection.close()


def table(schema, name):
    found = schema.find("main", name)
    assert isinstance(found, Table)
    return found


def test_columns(schema):
    parent = table(schema, "PARENT")
    assert parent.name == "Parent"
    assert parent.primary == ("id",)
    assert [each.name for each in parent.columns] == ["id", "name", "note", "made"]
    assert parent.by_name["id"].numbered
    assert parent.by_name["made"].generated
    assert not parent.by_name["note"].default_null
    assert parent.by_name["name"].kind.compared("FOO") == "'foo'"
    assert table(schema, "log").by_name["text"].volatile


def test_keys_are_shapes(schema):
    assert set(table(schema, "parent").shapes()) == {("id",), ("name",)}
    assert set(table(schema, "child").shapes()) == {("b", "a"), ("parent",), ("b",)}
    assert not table(schema, "child").by_name["a"].numbered


def test_a_collation_that_nobody_knows_makes_no_shape(schema):
    assert table(schema, "custom").by_name["x"].kind.name == "opaque"


def test_cascades_and_triggers_are_effects(schema):
    parent = {(each.operation, each.table) for each in table(schema, "parent").effects}
    assert parent == {("delete", "child"), ("update", "child")}
    assert {(each.operation, each.table) for each in table(schema, "child").effects} == {
        ("insert", "log")
    } | {
        ("insert", "child")  # it stands in the trigger as a word: more than it writes
    }
    assert ("insert", "strange") in {
        (each.operation, each.table) for each in table(schema, "strange").effects
    }


def test_views_are_resolved(schema):
    view = schema.find("main", "seen")
    assert isinstance(view, View)
    assert view.sql == "SELECT * FROM parent"
    assert [(each.operation, each.table) for each in view.effects] == [("update", "log")]


def test_a_name_that_nobody_knows_is_none(schema):
    assert schema.find("main", "nothing") is None
    assert schema.complete


def test_what_a_view_calls_is_looked_into():
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW lucky AS SELECT random() AS r FROM t;"
        " CREATE VIEW timed AS SELECT * FROM t WHERE id = date('now');"
    )
    planner = Planner("sqlite", sqlite_schema(lambda sql: connection.execute(sql).fetchall()))
    connection.close()
    assert "random" in planner.plan("SELECT * FROM lucky").uncacheable
    assert planner.plan("SELECT * FROM timed").clock
    assert not planner.plan("SELECT * FROM t").clock


def test_what_watching_needs_is_nobodys_data():
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE afresh_watch_log (id INTEGER PRIMARY KEY);"
        " CREATE TRIGGER afresh_watch_t AFTER INSERT ON t BEGIN INSERT INTO afresh_watch_log VALUES (NEW.id); END;"
    )
    schema = sqlite_schema(lambda sql: connection.execute(sql).fetchall())
    connection.close()
    assert [(each.name, each.effects) for each in schema.tables()] == [("t", ())]

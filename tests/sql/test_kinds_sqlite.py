"""Against the real SQLite: values that it calls equal have one spelling, or none."""

import itertools
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.sql.schema.kinds_sqlite import affinity, sqlite_kind

TYPES = [
    "INTEGER",
    "TEXT",
    "VARCHAR(3)",
    "REAL",
    "NUMERIC",
    "",
    "BLOB",
    "bool",
    "datetime",
    "DOUBLE PRECISION",
]
COLLATIONS = ["BINARY", "NOCASE", "RTRIM"]
VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 10**15, 10**16 + 1]),
    st.floats(allow_nan=True),
    st.sampled_from([0.5, 1.0, -0.0, 2.0**53, 2.0**62, 1e15, 1e300]),
    st.booleans(),
    st.text("aAbBéÉ 01.eE+-\t", max_size=5),
    st.sampled_from(
        ["1", "01", "1.0", " 1", "1e0", "+1", "-0", "0.5", ".5", "9007199254740993", "a\0b", "1\0", "K"]
    ),
    st.binary(max_size=2),
    st.none(),
)


@pytest.fixture(scope="module")
def connection():
    made = sqlite3.connect(":memory:", isolation_level=None)
    for number, (kind, collation) in enumerate(itertools.product(TYPES, COLLATIONS)):
        made.execute(f"CREATE TABLE t{number} (x {kind} COLLATE {collation})")
    yield made
    made.close()


@given(st.lists(VALUES, min_size=2, max_size=4))
def test_equal_values_have_equal_spellings(connection, values):
    for number, (declared, collation) in enumerate(itertools.product(TYPES, COLLATIONS)):
        kind = sqlite_kind(declared, collation)
        for stored, compared in itertools.product(values, values):
            connection.execute(f"INSERT INTO t{number} VALUES (?)", (stored,))
            (image,) = connection.execute(f"SELECT x FROM t{number}").fetchone()
            found = connection.execute(f"SELECT 1 FROM t{number} WHERE x = ?", (compared,)).fetchall()
            connection.execute(f"DELETE FROM t{number}")
            if found:
                spelled = {kind.stored(stored), kind.stored(image), kind.compared(compared)} - {None}
                assert len(spelled) <= 1, (declared, collation, stored, image, compared, spelled)


@given(st.lists(VALUES, min_size=2, max_size=3))
def test_columns_of_one_kind_that_are_equal_have_equal_spellings(connection, values):
    for number, (declared, collation) in enumerate(itertools.product(TYPES, COLLATIONS)):
        kind = sqlite_kind(declared, collation)
        for one, other in itertools.combinations(values, 2):
            connection.execute(f"INSERT INTO t{number} VALUES (?), (?)", (one, other))
            equal = connection.execute(
                f"SELECT a.x FROM t{number} a, t{number} b WHERE a.x = b.x AND a.rowid < b.rowid"
            )
            spelled = {kind.stored(one), kind.stored(other)} - {None}
            assert not equal.fetchall() or len(spelled) <= 1, (declared, collation, one, other)
            connection.execute(f"DELETE FROM t{number}")


@pytest.mark.parametrize(
    ("declared", "one", "other"),
    [
        ("INTEGER", "7", 7), ("INTEGER", 7.0, 7), ("INTEGER", True, 1), ("TEXT", 7, "7"), ("TEXT", True, "1"),
        ("NUMERIC", "7", 7), ("REAL", 7, 7.0), ("datetime", "2026-01-01", "2026-01-01"), ("bool", True, 1),
    ],
)  # fmt: skip
def test_the_usual_values_are_spelled(declared, one, other):
    kind = sqlite_kind(declared)
    assert kind.compared(one) is not None
    assert kind.compared(one) == kind.stored(other)


def test_case_makes_no_difference_where_the_collation_says_so():
    assert sqlite_kind("TEXT", "NOCASE").compared("FOO") == sqlite_kind("TEXT", "NOCASE").stored("foo")
    assert sqlite_kind("TEXT", "NOCASE").compared("É") != sqlite_kind("TEXT", "NOCASE").stored("é")
    assert sqlite_kind("TEXT").compared("FOO") != sqlite_kind("TEXT").stored("foo")
    assert sqlite_kind("TEXT", "SOMEBODYS_OWN").compared("foo") is None


@pytest.mark.parametrize(
    ("declared", "name"),
    [("BIGINT", "INTEGER"), ("CHARINT", "INTEGER"), ("VARCHAR(9)", "TEXT"), ("BLOB", "BLOB"), ("", "BLOB"),
     ("FLOAT", "REAL"), ("DECIMAL(9,2)", "NUMERIC"), ("datetime", "NUMERIC"), ("FLOATING POINT", "INTEGER")],
)  # fmt: skip
def test_affinities_are_those_of_the_manual(declared, name):
    assert affinity(declared) == name

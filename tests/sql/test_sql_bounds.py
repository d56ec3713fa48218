"""Too many tags of one table become the table."""

import pytest

from afresh import Row, Table, Where
from afresh.sql.tags.bounds import Bounded, table_of


def test_a_table_with_too_many_tags_is_whole_and_stays_so():
    bounded = Bounded()
    bounded.add(Row("review", 1).marked())
    for number in range(200):
        bounded.add(Row("product", number).marked())
    bounded.add(Row("product", 999).marked())
    names = set(bounded.names())
    assert {name for name in names if ":product" in name} == set(Table("product").marked())
    assert set(Row("review", 1).marked()) <= names


@pytest.mark.parametrize(
    "dependency",
    [
        Row("a.t", 7, columns=["x"], db="d"),
        Where("a.t", x="a:b.c", db="d"),
        Table("a.t", db="d"),
        Row("a.t", "x:any", db="d"),
    ],
)
def test_each_tag_knows_its_table(dependency):
    names = [*dependency.marked(), *dependency.carried()]
    assert {table_of(name) for name in names} == {"a.t"}

"""Which writes reach which readers, and the format of the hashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh import ConfigurationError, Key, Row, Table, Where, tag
from afresh.core.tags import hashed


def reaches(write, reader):
    return bool(set(write.marked()) & set(reader.carried()))


def test_a_write_to_a_row_reaches_its_readers_and_those_of_the_whole_table():
    write = Row("product", 7)
    assert reaches(write, Row("product", 7))
    assert reaches(write, Table("product"))
    assert not reaches(write, Row("product", 8))
    assert not reaches(write, Table("review"))
    assert not reaches(write, Row("product", 7, db="other"))


def test_a_write_to_a_whole_table_reaches_the_readers_of_its_rows():
    assert reaches(Table("product"), Row("product", 7))
    assert reaches(Table("product"), Where("product", section="net"))
    assert not reaches(Table("product"), Row("review", 7))


def test_a_write_to_columns_reaches_who_read_them():
    write = Row("product", 7, columns=["price", "stock"])
    assert reaches(write, Row("product", 7, columns=["price"]))
    assert reaches(write, Row("product", 7))
    assert not reaches(write, Row("product", 7, columns=["name"]))


def test_a_write_that_names_no_columns_reaches_every_reader():
    assert reaches(Row("product", 7), Row("product", 7, columns=["price"]))
    assert reaches(Where("review", product=7), Where("review", product=7, columns=["stars"]))


def test_a_write_to_rows_reaches_who_reads_their_columns_of_the_whole_table():
    assert "table::product:rows" in Row("product", 7).marked()
    assert "table::product.price" in Row("product", 7, columns=["price"]).marked()
    assert "table::product:rows" not in Row("product", 7, columns=["price"]).marked()


def test_rows_that_leave_their_condition_reach_every_reader_of_it():
    assert reaches(
        Where("review", product=7, columns=["product"]), Where("review", product=7, columns=["stars"])
    )


def test_a_reader_of_many_columns_is_a_reader_of_the_row():
    reader = Row("product", 7, columns=["a", "b", "c", "d", "e"])
    assert reaches(Row("product", 7, columns=["z"]), reader)


def test_conditions_are_a_set():
    assert set(Where("t", a=1, b=2).carried()) == set(Where("t", b=2, a=1).carried())
    assert set(Where("t", a=1).carried()) != set(Where("t", a="1").carried())


def test_names_of_ones_own():
    assert reaches(tag("menu"), tag("menu"))
    assert reaches(tag("user", 7), tag("user", 7.0))
    assert not reaches(tag("user", 7), tag("user", "7"))
    assert not reaches(tag("a", "b"), tag("a,b"))
    assert reaches(Key("k", "shop"), Key("k", "shop"))


def test_models_give_their_table():
    class Django:
        class _meta:
            db_table = "shop_product"

    class SQLAlchemy:
        class __table__:
            fullname = "shop.product"

    assert Table(Django) == Table("shop_product")
    assert Table(SQLAlchemy) == Table("shop.product")


@pytest.mark.parametrize(
    "make",
    [tag, lambda: Row("t"), lambda: Where("t"), lambda: Table(7), lambda: Row("t", 1, columns="price")],
)
def test_nonsense_is_refused(make):
    with pytest.raises(ConfigurationError):
        make()


@given(st.text())
def test_hashes_are_64_bits_and_never_zero(name):
    assert 0 < hashed(name) < 2**64


def test_hashes_are_a_format():
    assert hashed("tag:'menu'") == 0xFD23A9E73A791230


@pytest.mark.parametrize("arguments", [(7,), ("k", None), ("k", "a:b")])
def test_a_key_is_text_within_a_namespace(arguments):
    with pytest.raises(ConfigurationError, match="give"):
        Key(*arguments)

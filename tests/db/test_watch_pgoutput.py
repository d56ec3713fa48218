"""The parser of `pgoutput`: every message as PostgreSQL sends it, and none that it doesn't."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.db.watch.pgoutput import (
    Begin,
    Change,
    Column,
    Commit,
    Malformed,
    Note,
    Other,
    Relation,
    Truncate,
    parse,
)

PRODUCT = Relation(
    16384,
    "public",
    "product",
    "d",
    (Column("id", True, 23, -1), Column("name", False, 25, -1), Column("price", False, 1700, -1)),
)

# As PostgreSQL 15 sent them.
SENT = {
    b"B\x00\x00\x00\x00\x01Rb\xe0\x00\x03\x04 -\xc5\xea)\x00\x00\x02\xd6": Begin(726, 1795645983.541801),
    b"C\x00\x00\x00\x00\x00\x01Rb\xe0\x00\x00\x00\x00\x01Rc\x10\x00\x03\x04 -\xc5\xea)": Commit(
        22176528, 1795645983.541801
    ),
    b"R\x00\x00@\x00public\x00product\x00d\x00\x03\x01id\x00\x00\x00\x00\x17\xff\xff\xff\xff\x00name\x00\x00\x00\x00\x19"
    b"\xff\xff\xff\xff\x00price\x00\x00\x00\x06\xa4\xff\xff\xff\xff": PRODUCT,
    b"T\x00\x00\x00\x01\x00\x00\x00@\x00": Truncate((16384,)),
    b"M\x01\x00\x00\x00\x00\x01Rq@afresh\x00\x00\x00\x00\x01x": Note(True, "afresh", b"x"),
    b"Y\x00\x00@\x07public\x00mood\x00": Other(),
}

INSERT = b"I\x00\x00@\x00N\x00\x03t\x00\x00\x00\x011t\x00\x00\x00\x01at\x00\x00\x00\x042.50"
DELETE = b"D\x00\x00@\x00K\x00\x03t\x00\x00\x00\x011nn"


@pytest.mark.parametrize("data", SENT)
def test_messages_as_they_are_sent(data):
    assert parse(data) == SENT[data]


def rows(data):
    change = parse(data)
    assert isinstance(change, Change)
    return change.rows(PRODUCT)


def test_a_row_that_came():
    assert rows(INSERT) == (None, {"id": "1", "name": "a", "price": "2.50"})


def test_of_a_key_alone_the_other_columns_are_not_null_but_unknown():
    assert rows(DELETE) == ({"id": "1"}, None)


def test_a_long_value_that_did_not_change_is_missing():
    assert rows(b"U\x00\x00@\x00N\x00\x03t\x00\x00\x00\x011un")[1] == {"id": "1", "price": None}


@pytest.mark.parametrize("data", [b"", b"Z", b"T\x00", INSERT[:4]])
def test_what_is_none_is_refused(data):
    with pytest.raises(Malformed):
        parse(data)


@pytest.mark.parametrize("data", [*SENT, INSERT, DELETE])
def test_no_part_of_a_message_is_one(data):
    if isinstance(parse(data), Other):
        return
    for length in range(1, len(data)):
        with pytest.raises(Malformed):
            whole(data[:length])


def whole(data):
    found = parse(data)
    if isinstance(found, Change):
        if not found.payload:
            raise Malformed("no rows")
        found.rows(PRODUCT)
    return found


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"I\x00\x00@\x00", b"U\x00\x00@\x00O\x00\x03", b"R", b"T", b"M"]),
)
def test_anything_is_parsed_or_refused(data, start):
    with suppress(Malformed):
        whole(start + data)


texts = st.text(max_size=20).filter(lambda text: "\0" not in text)


@given(st.lists(st.none() | texts, min_size=3, max_size=3))
def test_rows_come_back_as_they_were(values):
    sent = [
        b"n" if each is None else b"t%s%s" % (len(each.encode()).to_bytes(4, "big"), each.encode())
        for each in values
    ]
    old, new = rows(b"U\x00\x00@\x00O\x00\x03" + b"".join(sent) + b"N\x00\x03" + b"".join(sent))
    assert old == new == dict(zip(("id", "name", "price"), values, strict=True))

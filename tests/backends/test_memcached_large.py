"""Values that are divided, and put together again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.backends.memcached.client import Request, Response
from afresh.backends.memcached.store.large import MAGIC, divided, head_of, is_large, reads, refusal, together

ID = bytes(range(16))


def store(request: Request, largest: int = 10, id: bytes = ID) -> dict[bytes, bytes]:
    return {each.key: each.value or b"" for each in divided(request, largest, id, 0)}


def read(kept: dict[bytes, bytes], key: bytes) -> Response:
    response = Response("VA", ("c1",), kept[key])
    head = head_of(response)
    assert head is not None
    chunks = [
        Response("VA", (), kept[each.key]) if each.key in kept else Response("EN")
        for each in reads(head, Request("mg", key), 0)
    ]
    return together(head, response, chunks)


@given(st.binary(min_size=11, max_size=200), st.integers(1, 60))
def test_a_value_comes_back(value: bytes, largest: int) -> None:
    kept = store(Request("ms", b"key", (), value), largest)
    assert all(len(chunk) <= largest for key, chunk in kept.items() if key != b"key")
    assert read(kept, b"key") == Response("VA", ("c1",), value)


def test_a_value_that_looks_like_a_head_is_divided_too() -> None:
    value = MAGIC + b"x"
    assert is_large(Request("ms", b"key", (), value), 1000)
    assert read(store(Request("ms", b"key", (), value), 1000), b"key").value == value


def test_what_is_no_write_or_small_is_left_alone() -> None:
    assert not is_large(Request("ms", b"key", (), b"x" * 10), 10)
    assert is_large(Request("ms", b"key", (), b"x" * 11), 10)
    assert not is_large(Request("mg", b"key"), 10)
    assert head_of(Response("VA", (), b"x")) is None
    assert head_of(Response("EN")) is None


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_chunk_is_a_miss_with_the_heads_flags(number: int) -> None:
    kept = store(Request("ms", b"key", (), b"x" * 25))
    del kept[b"~chunk:%b:%d" % (ID.hex().encode(), number)]
    assert read(kept, b"key") == Response("EN", ("c1",))


def test_a_chunk_of_another_write_is_a_miss() -> None:
    kept = store(Request("ms", b"key", (), b"x" * 25))
    kept[b"~chunk:%b:1" % ID.hex().encode()] = b"y" * 10
    assert read(kept, b"key").status == "EN"


def test_writers_at_the_same_time_do_not_mix() -> None:
    one, other = (store(Request("ms", b"key", (), each * 25), id=each * 16) for each in (b"a", b"b"))
    assert read({**one, **other}, b"key").value == b"b" * 25
    assert read({**other, **one}, b"key").value == b"a" * 25


@pytest.mark.parametrize("value", [MAGIC, MAGIC + b"x", MAGIC + b"\xff" * 44, MAGIC + bytes(44)])
def test_a_damaged_head_is_a_miss(value: bytes) -> None:
    assert read({b"key": value}, b"key").status == "EN"


def test_chunks_live_as_long_as_their_head() -> None:
    request = Request("ms", b"key", ("T60", "F5", "C7"), b"x" * 25)
    *chunks, head = divided(request, 10, ID, 3)
    assert {each.flags for each in chunks} == {("T60",)}
    assert head.flags == ("T60", "F5", "C7")
    assert {each.server for each in (*chunks, head)} == {3}
    found = head_of(Response("VA", (), head.value))
    assert found is not None
    assert {each.flags for each in reads(found, Request("mg", b"key", ("v", "T90")), 3)} == {("v", "T90")}


def test_what_is_refused_says_why() -> None:
    large = Request("ms", b"key", (), b"x" * 25)
    assert refusal(large, 10, "split") == ""
    assert "large=split" in refusal(large, 10, "refuse")
    assert refusal(Request("ms", b"key", (), MAGIC), 1000, "refuse") == ""
    assert "added" in refusal(large._replace(flags=("MA",)), 10, "split")

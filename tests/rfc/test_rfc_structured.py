"""Structured fields, as far as caching needs them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.rfc.structured import Other, Token, parse_dictionary, parse_list, text_or_token


@pytest.mark.parametrize(
    ("text", "members"),
    [
        (b"", []),
        (b'"a", "b"', ["a", "b"]),
        (b'"a" ,\t"b";x;y=1', ["a", "b"]),
        (b'"q\\"\\\\"', ['q"\\']),
        (b"tok/en, *x", [Token("tok/en"), Token("*x")]),
        (b"1, -2, ?1, ?0", [1, -2, True, False]),
        (b'("a" "b" ), ()', [("a", "b"), ()]),
        (b'("a";x=1 tok);y', [("a", Token("tok"))]),
        (b"1.5, :aGk=:, @12", [Other("1.5"), Other(":aGk=:"), Other("@12")]),
    ],
)
def test_a_list(text: bytes, members: list[object]) -> None:
    found = parse_list([text])
    assert found == members
    assert [type(each) for each in found] == [type(each) for each in members]


@pytest.mark.parametrize(
    "text",
    [
        b",",
        b'"a",',
        b'"a" "b"',
        b'"a',
        b'"\\a"',
        b"'a'",
        b"&",
        b'("a"',
        b'("a""b")',
        b"1.",
        b"1.2345",
        b"1" * 16,
        b"?2",
        "\u00e9".encode(),
        b'"\xe9"',
        b"a b",
        b'"a";',
        b'"a";A=1',
    ],
)
def test_a_list_that_is_malformed_is_none(text: bytes) -> None:
    assert parse_list([text]) is None


def test_lines_are_one_list() -> None:
    assert parse_list([b'"a"', b"", b'"b"']) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "members"),
    [
        (b"max-age=60, public", {"max-age": 60, "public": True}),
        (b"a;x=1, b=?0, a=2", {"a": 2, "b": False}),
        (b'params=("a" "b")', {"params": ("a", "b")}),
    ],
)
def test_a_dictionary(text: bytes, members: dict[str, object]) -> None:
    assert parse_dictionary([text]) == members


@pytest.mark.parametrize("text", [b"Max-Age=1", b"a=", b"a =1", b"a= 1", b"a,", b"=1", b"a=&", b"a b"])
def test_a_dictionary_that_is_malformed_is_none(text: bytes) -> None:
    assert parse_dictionary([text]) is None


@given(st.binary())
def test_no_bytes_raise(text: bytes) -> None:
    parse_list([text])
    parse_dictionary([text])


@given(st.text())
def test_any_text_is_written_so_that_it_can_be_read(text: str) -> None:
    found = parse_list([text_or_token(text).encode()])
    assert found is not None
    assert len(found) == 1
    if text.isascii() and text.isprintable():
        assert found == [text]

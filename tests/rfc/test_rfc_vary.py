"""Which stored response belongs to a request (RFC 9111 §4.1)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc_messages import get, kept, ok

from afresh.rfc import Fields, Request, selects, vary_key


def same(vary: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """What the first request got is right for the second too."""
    stored = kept(ok(cache_control="public, max-age=60", vary=vary), get(**one))
    return selects(stored, get(**other))


@pytest.mark.parametrize(
    ("vary", "one", "other"),
    [
        ("Foo", {"foo": "1"}, {"foo": "1", "bar": "2"}),
        ("Foo", {}, {}),
        ("Foo, Bar", {"foo": "1"}, {"foo": "1"}),
        ("Foo", {"foo": ["1", "2"]}, {"foo": "1,  2"}),
        ("Foo", {"foo": '"a,b" , c'}, {"foo": '"a,b",c'}),
        ("Accept-Encoding", {"accept_encoding": "gzip, br"}, {"accept_encoding": "BR,gzip;q=1.0"}),
        ("Accept-Encoding", {"accept_encoding": "gzip;q=0.5"}, {"accept_encoding": "gzip; q=0.500"}),
        (
            "Accept-Language",
            {"accept_language": "en-GB, de;q=0.5"},
            {"accept_language": "de;q=.5, en-gb"} | {"accept_language": "de;Q=0.5,EN-gb;q=1"},
        ),
    ],
)
def test_the_same(vary: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert same(vary, one, other)


@pytest.mark.parametrize(
    ("vary", "one", "other"),
    [
        ("Foo", {"foo": "1"}, {"foo": "2"}),
        ("Foo", {"foo": "1"}, {}),
        ("Foo", {}, {"foo": "1"}),
        ("Foo", {}, {"foo": ""}),
        ("Foo, Bar", {"foo": "1", "bar": "1"}, {"foo": "1", "bar": "2"}),
        ("Foo", {"foo": '"a, b"'}, {"foo": '"a,b"'}),
        ("Cookie", {"cookie": "a=1, 2"}, {"cookie": "a=1,2"}),
        ("Cookie", {"cookie": ["a=1", "b=2"]}, {"cookie": "a=1, b=2"}),
        ("User-Agent", {"user_agent": "A, B"}, {"user_agent": "A,B"}),
        ("Accept-Encoding", {"accept_encoding": "gzip"}, {"accept_encoding": "gzip;q=0"}),
        ("Accept-Encoding", {"accept_encoding": "gzip"}, {"accept_encoding": "gzip;q=0.999"}),
        ("Accept-Language", {"accept_language": "en, de"}, {"accept_language": "de, en"}),
        ("Accept-Language", {"accept_language": "en"}, {"accept_language": "en;q=2"}),
    ],
)
def test_not_the_same(vary: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not same(vary, one, other)


def test_long_values_are_read_like_short_ones() -> None:
    many = [f"x{n}" for n in range(100)]
    assert same(
        "Accept-Encoding", {"accept_encoding": ", ".join(many)}, {"accept_encoding": ",".join(reversed(many))}
    )


def test_names_are_kept_sorted_and_in_lower_case() -> None:
    assert kept(ok(cache_control="max-age=60", vary=["B, a", "A"])).vary == (b"a", b"b")


names = st.sampled_from([b"accept-encoding", b"accept-language", b"cookie", b"x-own"])


@given(names, st.binary(), st.binary())
def test_no_bytes_raise_and_equal_ones_are_equal(name: bytes, one: bytes, other: bytes) -> None:
    keys = [
        vary_key([name], Request("GET", "http", b"h", b"/", b"", Fields(((name, value),))))
        for value in (one, other, one)
    ]
    assert keys[0] == keys[2]
    if name == b"cookie":
        assert (keys[0] == keys[1]) == (one == other)


@pytest.mark.parametrize("name", [b"cookie", b"authorization"])
def test_what_somebody_can_pass_by_is_kept_as_a_digest(name: bytes) -> None:
    asked = Request("GET", "http", b"h", b"/", b"", Fields(((name, b"secret"),)))
    (kept,) = vary_key([name], asked)
    assert kept is not None
    assert b"secret" not in kept
    assert vary_key([name], asked) == (kept,)

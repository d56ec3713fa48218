"""What messages lose on their way, and `Cache-Status` (RFC 9110 §7.6, RFC 9211)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc_messages import fields

from afresh.rfc import (
    Fields,
    Why,
    cache_status,
    end_to_end,
    is_interim,
    unconditional,
    via,
    with_cache_status,
)
from afresh.rfc.structured import parse_list


def test_fields_of_the_connection_go() -> None:
    found = end_to_end(
        fields(
            {
                "connection": ["close, X-Hop", "x-other"],
                "x_hop": "1",
                "x_other": "2",
                "te": "x",
                "transfer_encoding": "chunked",
                "accept": "a",
            }
        )
    )
    assert found == fields({"accept": "a"})


def test_a_client_can_not_take_away_what_a_message_is_read_by() -> None:
    given = {"host": "a", "content_length": "3", "cache_control": "no-store", "vary": "x"}
    assert end_to_end(
        fields({"connection": ", ".join(name.replace("_", "-") for name in given)} | given)
    ) == fields(given)


def test_a_load_for_several_asks_for_the_whole() -> None:
    asked = fields(
        {"if_none_match": "x", "if_modified_since": "x", "range": "x", "if_range": "x", "accept": "a"}
    )
    assert unconditional(asked) == fields({"accept": "a"})


def test_interim_responses() -> None:
    assert [status for status in (99, 100, 103, 199, 200) if is_interim(status)] == [100, 103, 199]


def test_via_is_appended() -> None:
    assert via(fields({"via": ["1.0 a", "1.1 b"]}), "1.1", "afresh") == fields(
        {"via": "1.0 a, 1.1 b, 1.1 afresh"}
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, b"afresh"),
        ({"hit": True, "ttl": 30.9}, b"afresh; hit; ttl=30"),
        ({"hit": True, "ttl": -5.0, "detail": "stale"}, b'afresh; hit; ttl=-5; detail="stale"'),
        ({"hit": True, "ttl": float("-inf")}, b"afresh; hit"),
        ({"why": Why.URI_MISS, "stored": True}, b"afresh; fwd=uri-miss; stored"),
        (
            {"why": Why.STALE, "status": 304, "collapsed": True},
            b"afresh; fwd=stale; fwd-status=304; collapsed",
        ),
        ({"why": Why.BYPASS, "key": 'a"b\u00e9'}, b'afresh; fwd=bypass; key="a\\"b?"'),
    ],
)
def test_cache_status(given: dict[str, Any], text: bytes) -> None:
    assert cache_status("afresh", **given) == text


def test_it_stands_after_those_of_others() -> None:
    found = with_cache_status(Fields(((b"cache-status", b"a; hit"), (b"x", b"y"))), b"b; hit")
    assert found.get_all(b"cache-status") == (b"a; hit, b; hit",)


@given(st.text(), st.text(), st.text())
def test_any_text_makes_a_member_that_can_be_read(name: str, key: str, detail: str) -> None:
    assert parse_list([cache_status(name, hit=True, key=key, detail=detail)]) is not None

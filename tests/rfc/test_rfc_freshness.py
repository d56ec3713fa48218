"""Lifetimes and ages (RFC 9111 §4.2)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc_messages import DATE, NOW, fields, get, kept, ok

from afresh.rfc import Head, Settings, Stored, storable
from afresh.rfc.dates import format_date

LATER = "Fri, 15 Jan 2027 08:05:00 GMT"
EARLIER = "Fri, 15 Jan 2027 07:55:00 GMT"
A_DAY_AGO = "Thu, 14 Jan 2027 08:00:00 GMT"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"cache_control": "max-age=60"}, 60),
        ({"cache_control": "max-age=60, s-maxage=10"}, 10),
        ({"cache_control": "s-maxage=100, max-age=60"}, 100),
        ({"cache_control": "max-age=60", "expires": EARLIER}, 60),
        ({"cache_control": "max-age=60", "expires": "0"}, 60),
        ({"cache_control": "max-age=x", "expires": LATER}, 0),
        ({"expires": LATER, "date": DATE}, 300),
        ({"expires": LATER}, 300),
        ({"expires": LATER, "date": "garbage"}, 300),
        ({"expires": LATER, "date": EARLIER}, 600),
        ({"expires": EARLIER, "date": DATE}, 0),
        ({"expires": DATE, "date": DATE}, 0),
        ({"expires": [LATER, LATER]}, 300),
        ({"expires": [LATER, EARLIER]}, 0),
        ({"expires": "Friday, 15-Jan-27 08:05:00 GMT"}, 300),
        ({"expires": "Fri Jan 15 08:05:00 2027"}, 300),
        ({"last_modified": "Fri, 15 Jan 2027 07:55:00 GMT", "date": DATE}, 30),
        ({"last_modified": A_DAY_AGO, "date": DATE}, 60),
        ({"last_modified": A_DAY_AGO, "date": DATE, "pragma": "no-cache"}, 0),
        ({"last_modified": "Sun, 06 Nov 1994 08:49:37 GMT"}, 60),
        ({"last_modified": LATER, "date": DATE}, 0),
        ({"last_modified": "garbage"}, 0),
        ({"cdn_cache_control": "max-age=9", "cache_control": "max-age=60"}, 9),
        ({"cdn_cache_control": "max-age=9", "cache_control": "no-store", "expires": LATER}, 9),
        ({"cdn_cache_control": "foo, max-age=9"}, 9),
        ({"cdn_cache_control": "public", "cache_control": "max-age=60", "expires": LATER}, 0),
        ({"cdn_cache_control": "", "cache_control": "max-age=60"}, 60),
        ({"cdn_cache_control": "max-age=9, &&", "cache_control": "max-age=60"}, 60),
        ({"cdn_cache_control": 'max-age="9"', "cache_control": "max-age=60"}, 0),
        ({"cdn_cache_control": "max-age=9.5", "cache_control": "max-age=60"}, 0),
        ({"cdn_cache_control": "max-age=-9", "cache_control": "max-age=60"}, 0),
        ({"cdn_cache_control": "max-age=99999999999"}, 2**31),
    ],
)
def test_the_lifetime(given: dict[str, Any], seconds: float) -> None:
    assert kept(ok(etag='"a"', **given)).lifetime == seconds


def test_the_heuristic_is_a_share_of_the_time_since_the_modification() -> None:
    head = ok(last_modified=A_DAY_AGO, date=DATE)
    assert kept(head, settings=Settings(heuristic_cap=86_400)).lifetime == 8640
    assert kept(head, settings=Settings(heuristic_cap=86_400, heuristic_fraction=0)).lifetime == 0


def test_a_private_cache_reads_max_age() -> None:
    assert kept(ok(cache_control="max-age=60, s-maxage=10"), settings=Settings(shared=False)).lifetime == 60


def test_a_targeted_field_decides_alone_whether_to_store() -> None:
    settings = Settings(targets=(b"afresh-cache-control", b"cdn-cache-control"))
    head = ok(afresh_cache_control="no-store", cdn_cache_control="max-age=9", cache_control="max-age=60")
    found = storable(get(), head, requested_at=NOW, received_at=NOW, settings=settings)
    assert not isinstance(found, Stored)
    assert kept(head).lifetime == 9  # the first of the list is unknown to this cache


@pytest.mark.parametrize(
    ("given", "age"),
    [
        ({}, 0),
        ({"age": "30"}, 30),
        ({"date": EARLIER}, 300),
        ({"date": EARLIER, "age": "400"}, 400),
        ({"date": LATER, "age": "1"}, 1),
        ({"age": "0030"}, 30),
        ({"age": "9" * 5000}, 2**31),
    ],
)
def test_the_age_that_it_came_with(given: dict[str, str], age: float) -> None:
    assert kept(ok(cache_control="max-age=60", etag='"a"', **given)).initial_age == age


@pytest.mark.parametrize(
    ("age", "counts"),
    [
        ("x", 0),
        ("-1", 0),
        ("1.5", 0),
        ("", 0),
        ("9, 0", 9),
        ("0,9", 0),
        ("9;a=b", 0),
        (["9", "0"], 9),
        (["0", "9"], 0),
    ],
)
def test_of_several_ages_the_first_counts_and_what_is_no_number_does_not(age: Any, counts: float) -> None:
    head = ok(cache_control="max-age=60", etag='"a"', age=age)
    assert kept(head).initial_age == counts
    assert kept(head, settings=Settings(strict_age=True)).initial_age == math.inf


def test_the_time_on_the_way_counts() -> None:
    found = storable(
        get(),
        ok(cache_control="max-age=60", age="5"),
        requested_at=NOW - 3,
        received_at=NOW,
        settings=Settings(),
    )
    assert isinstance(found, Stored)
    assert found.initial_age == 8


def test_a_date_of_this_second_makes_nothing_old() -> None:
    stored = kept(ok(cache_control="max-age=1", date=DATE), at=NOW + 0.9)
    assert stored.initial_age == 0


def test_a_clock_that_goes_backwards_makes_nothing_younger() -> None:
    stored = kept(ok(cache_control="max-age=60", age="5"))
    assert stored.age(NOW - 1000) == 5


@given(st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=2, max_size=5))
def test_age_never_falls_as_time_goes(offsets: list[float]) -> None:
    stored = kept(ok(cache_control="max-age=60", age="5"))
    ages = [stored.age(NOW + offset) for offset in sorted(offsets)]
    assert ages == sorted(ages)


@given(st.integers(0, 10**7), st.integers(-(10**7), 10**7), st.integers(0, 10**7))
def test_nothing_is_fresh_for_longer_than_it_says(max_age: int, skew: int, age: int) -> None:
    head = Head(
        200,
        fields(
            {
                "cache_control": f"max-age={max_age}",
                "age": str(age),
                "etag": '"a"',
                "date": format_date(int(NOW) + skew).decode(),
            }
        ),
    )
    stored = kept(head)
    assert stored.fresh_until <= NOW + max_age - age

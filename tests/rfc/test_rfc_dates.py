"""Dates of HTTP in their three formats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc_messages import DATE, NOW

from afresh.rfc.dates import format_date, parse_date

MOMENT = 784_111_777.0  # the example of RFC 9110 §5.6.7


@pytest.mark.parametrize(
    "text",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"sun, 06 nov 1994 08:49:37 gmt",
        b"Mon, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_the_three_formats_are_read(text: bytes) -> None:
    assert parse_date(text, now=NOW) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"0",
        b"-1",
        b"784111777",
        b"Sun, 06 Nov 1994 08:49:37 UTC",
        b"Sun, 06 Nov 1994 08:49:37 +0100",
        b"Sun, 06 Nov 1994 08:49:37 GMT ",
        b"Sun, 31 Feb 1994 08:49:37 GMT",
        b"Sun, 00 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 0000 08:49:37 GMT",
        b"Sun, 06 Foo 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 24:00:00 GMT",
        b"Sun, 06 Nov 1994 08:60:37 GMT",
        b"Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, \u0660\u0666 Nov 1994 08:49:37 GMT".encode(),
    ],
)
def test_anything_else_is_no_date(text: bytes) -> None:
    assert parse_date(text, now=NOW) is None


def test_a_leap_second_is_a_date() -> None:
    assert parse_date(b"Sat, 31 Dec 2016 23:59:60 GMT", now=NOW) == 1_483_228_800.0


def test_two_digits_of_a_year_mean_the_past_when_they_seem_50_years_ahead() -> None:
    assert parse_date(b"Friday, 15-Jan-77 08:00:00 GMT", now=NOW) == parse_date(
        b"Fri, 15 Jan 2077 08:00:00 GMT", now=NOW
    )
    assert parse_date(b"Sunday, 15-Jan-78 08:00:00 GMT", now=NOW) == parse_date(
        b"Sun, 15 Jan 1978 08:00:00 GMT", now=NOW
    )


def test_a_date_is_written_in_the_first_format() -> None:
    assert format_date(784_111_777) == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert format_date(int(NOW)) == DATE.encode()


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_what_was_written_is_read(seconds: int) -> None:
    assert parse_date(format_date(seconds), now=NOW) == seconds


@given(st.binary(max_size=40))
def test_no_bytes_raise(text: bytes) -> None:
    parse_date(text, now=NOW)

"""Directives of `Cache-Control`: strict where they permit, lenient where they forbid."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.rfc.directives import LONGEST, delta_seconds, parse_directives, split_list


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"max-age=60", 60),
        (b"MAX-AGE=60", 60),
        (b"public ,\tmax-age=60,", 60),
        (b"max-age=0060", 60),
        (b'max-age="60"', 60),
        (b"max-age=60, max-age=60", 60),
        (b"max-age=2147483648", LONGEST),
        (b"max-age=" + b"9" * 5000, LONGEST),
        (b"max-age", 0),
        (b"max-age=", 0),
        (b"max-age=-1", 0),
        (b"max-age=1.5", 0),
        (b"max-age=60s", 0),
        (b"max-age='60'", 0),
        (b"max-age = 60", 0),
        (b"max-age= 60", 0),
        (b"max-age=+60", 0),
        (b"max-age=6_0", 0),
        (b"max-age=60, max-age=90", 0),
    ],
)
def test_seconds_are_digits_and_one_number(text: bytes, seconds: float) -> None:
    assert parse_directives([text]).seconds(b"max-age") == seconds


@pytest.mark.parametrize(
    "text", [b"", b"public", b'ext="max-age=60"', b'ext="a, max-age=60"', b"s-maxage=60", b"max-age2=60"]
)
def test_a_directive_that_is_not_there_is_not_found(text: bytes) -> None:
    assert parse_directives([text]).seconds(b"max-age") is None


@pytest.mark.parametrize(
    "lines",
    [
        [b"no-store"],
        [b"No-Store"],
        [b"public", b"no-store"],
        [b"max-age=60 ,no-store"],
        [b"no-store=1"],
        [b"no-store ="],
        [b'no-store="x"'],
        [b'ext="never closed, no-store'],
        [b'a="b\\", no-store'],
    ],
)
def test_what_forbids_is_found_however_it_is_written(lines: list[bytes]) -> None:
    assert b"no-store" in parse_directives(lines)


def test_the_fields_of_a_qualified_directive() -> None:
    found = parse_directives([b'no-cache="Set-Cookie, X-Own", private="a"'])
    assert found.listed(b"no-cache") == (b"set-cookie", b"x-own")
    assert not found.without_argument(b"no-cache")
    assert not found.without_argument(b"private")


@pytest.mark.parametrize(
    "text",
    [b"private", b'private=""', b"private=a", b'private="a b"', b'private="a,,b"', b'private, private="a"'],
)
def test_a_qualified_directive_that_can_not_be_read_stands_for_all_fields(text: bytes) -> None:
    assert parse_directives([text]).without_argument(b"private")


def test_max_stale_without_a_number_has_no_limit() -> None:
    assert parse_directives([b"max-stale"]).seconds(b"max-stale", plain=9.0) == 9.0


def test_commas_in_quotes_part_nothing() -> None:
    assert list(split_list(b'a="1,2", b ,"c\\",d",')) == [b'a="1,2"', b"b", b'"c\\",d"', b""]


@given(st.binary())
def test_no_bytes_raise(line: bytes) -> None:
    found = parse_directives([line])
    found.seconds(b"max-age")
    found.listed(b"no-cache")
    delta_seconds(line)


@given(st.lists(st.sampled_from([b'"', b"\\", b",", b"=", b"a", b"no-store", b" "])).map(b"".join))
def test_members_hold_the_whole_line(line: bytes) -> None:
    assert b",".join(split_list(line)).replace(b" ", b"") == line.replace(b" ", b"")


def test_a_hostile_line_takes_no_time() -> None:
    started = time.process_time()
    parse_directives([b'a="' + b'\\"' * 30_000, b'"' * 60_001, b"," * 60_000])
    assert time.process_time() - started < 1.0

"""Spellings of single values: the forms themselves, which are a format, and their bounds."""

from __future__ import annotations

import datetime as dt
import pathlib
import uuid
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.core.scalars import quoted
from afresh.core.spelling import canonical
from afresh.errors import UnkeyableArgument


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        (7, "7"),
        (-0.0, "0"),
        (2**64, "0x10000000000000000"),
        (-(2**64), "-0x10000000000000000"),
        (2**64 - 1, "18446744073709551615"),
        (0.1, "0.1"),
        (1e-9, "1e-09"),
        (Fraction(1, 3), "1/3"),
        (Decimal("0.1"), "1/10"),
        (float("-inf"), "-inf"),
        (1 + 2j, "complex(1,2)"),
        ("it's", r"'it\'s'"),
        ("a b\n", r"'a\sb\n'"),
        ("\x00\x7f\u00ad\U000e0001", r"'\x00\x7f\xad\U000e0001'"),
        ("čaj 茶", r"'čaj\s茶'"),
        (b"a b\xff'", rb"b'a\sb\xff\''".decode()),
        (dt.date(2026, 1, 2), "date(2026-01-02)"),
        (dt.datetime(2026, 1, 2, 3), "datetime(2026-01-02T03:00:00)"),
        (dt.time(1, 30, tzinfo=dt.timezone(dt.timedelta(hours=2))), "time(-1800000000us,utc)"),
        (dt.time(1, 30, tzinfo=ZoneInfo("Europe/Berlin")), "time(01:30:00)"),
        (dt.timedelta(seconds=-1), "timedelta(-1000000us)"),
        (uuid.UUID(int=1), "UUID(00000000000000000000000000000001)"),
        (pathlib.PurePosixPath("a/../B c"), r"PosixPath('a/../B\sc')"),
        (pathlib.PureWindowsPath("C:/A"), r"WindowsPath('c:\\a')"),
    ],
)
def test_the_form_is_fixed(value: Any, spelling: str) -> None:
    assert canonical(value) == spelling


def test_both_passes_through_the_repeated_hour_are_two_instants() -> None:
    first = dt.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert canonical(first) == "datetime(2026-10-25T00:30:00Z)"
    assert canonical(first.replace(fold=1)) == "datetime(2026-10-25T01:30:00Z)"


@given(st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2050, 1, 1), timezones=st.timezones()))
@settings(deadline=None)
def test_one_instant_has_one_spelling_in_every_zone(moment: dt.datetime) -> None:
    elsewhere = moment.astimezone(dt.UTC)
    assert (
        canonical(moment)
        == canonical(elsewhere)
        == canonical(elsewhere.astimezone(ZoneInfo("Asia/Kathmandu")))
    )


@given(st.text(), st.text())
def test_quoting_keeps_texts_apart_and_is_closed(one: str, other: str) -> None:
    assert (quoted(one) == quoted(other)) == (one == other)
    assert "'" not in quoted(one)[1:-1].replace("\\\\", "").replace("\\'", "")


@pytest.mark.parametrize("value", [Decimal("1E+9999999"), Decimal("-1E-9999999")])
def test_a_number_that_would_take_megabytes_is_refused(value: Decimal) -> None:
    with pytest.raises(UnkeyableArgument, match="exponent"):
        canonical(value)


def test_an_integer_of_a_million_digits_is_spelled_without_quadratic_work() -> None:
    assert len(canonical(1 << 4_000_000)) == 1_000_003

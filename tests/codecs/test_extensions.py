"""The numbers of the extension types: a format, so they are fixed."""

from __future__ import annotations

import datetime as dt
import pathlib
import uuid
from decimal import Decimal
from typing import Any

import pytest

from afresh.codecs.extensions import (
    ARRAY,
    BIG_INT,
    EXTENSIONS,
    OBJECT,
    PAIRS,
    SURROGATES,
    int_bytes,
    int_from,
)
from afresh.codecs.msgpack import Msgpack
from afresh.errors import UncacheableValue

CODEC = Msgpack()


def test_each_code_and_each_type_stands_for_one_kind() -> None:
    codes = [each.code for each in EXTENSIONS] + [BIG_INT, SURROGATES, PAIRS, OBJECT, ARRAY]
    assert sorted(codes) == [*range(1, 17), *range(18, 21), *range(22, 25)]
    assert len({each.kind for each in EXTENSIONS}) == len(EXTENSIONS)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (1, "01"),
        ((1,), "d5029101"),
        ({1}, "d5039101"),
        (2**64, "c70901000000000000000001"),
        (Decimal("1.0"), "c70306312e30"),
        (dt.date(1, 1, 2), "d40a02"),
        (uuid.UUID(int=1), "d80d" + "00" * 15 + "01"),
        ({(): 1}, "c7060f9192d4029001"),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "c71709" + "93b3" + b"2026-01-01T00:00:00".hex() + "0000"),
    ],
)
def test_the_bytes_are_fixed(value: Any, data: str) -> None:
    assert CODEC.encode(value).hex() == data
    assert CODEC.decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize("number", [0, 1, -1, 127, 128, -128, -129, 2**64, -(2**64), 10**50])
def test_integers_of_any_size(number: int) -> None:
    assert int_from(memoryview(int_bytes(number))) == number


def test_whether_a_uuid_is_safe_is_kept() -> None:
    for is_safe in uuid.SafeUUID:
        value = uuid.UUID(int=5, is_safe=is_safe)
        assert CODEC.decode(CODEC.encode(value)).is_safe is is_safe


def test_utc_comes_back_as_the_one_utc() -> None:
    assert CODEC.decode(CODEC.encode(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))).tzinfo is dt.UTC


def test_paths_keep_their_kind() -> None:
    for path in (pathlib.Path("a"), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("C:/a")):
        assert type(CODEC.decode(CODEC.encode(path))) is type(path)


class Moment(dt.datetime):
    pass


class Offset(dt.tzinfo):
    pass


@pytest.mark.parametrize("value", [Moment(2026, 1, 1), dt.time(1, tzinfo=Offset())])
def test_times_with_a_mind_of_their_own_are_refused(value: Any) -> None:
    with pytest.raises(UncacheableValue):
        CODEC.encode(value)


def test_the_name_of_a_zone_is_no_path() -> None:
    data = CODEC.encode(dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1), "x" * 9)))
    assert CODEC.decode(data).tzname() == "x" * 9
    hostile = CODEC.encode(dt.datetime(2026, 1, 1, tzinfo=__import__("zoneinfo").ZoneInfo("Europe/Berlin")))
    with pytest.raises(Exception):  # noqa: B017, PT011
        CODEC.decode(hostile.replace(b"Europe/Berlin", b"../etc/passwd"))

"""What every codec has to do: derive a test class from `CodecContract` and give it a codec."""

# ruff: noqa: D102 - the name of a test says what it tests

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntFlag
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from afresh.codecs.base import Codec


class Colour(Enum):
    """An enum."""

    RED = "red"


class Rights(IntFlag):
    """A flag, which is an int too."""

    READ = 1
    WRITE = 2


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: float


@dataclass(frozen=True)
class Part:
    """A dataclass with a field that `__init__` doesn't take, and one that it changes."""

    name: str
    place: Point | None = None
    colour: Colour = Colour.RED
    key: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name + "!")


@dataclass(slots=True)
class Whole:
    """A dataclass with slots, which holds others."""

    parts: list[Part]
    by_name: dict[str, Part] = field(default_factory=dict)


BUILTIN_VALUES: list[Any] = [
    None,
    True,
    1,
    0,
    -1,
    2**63,
    2**64,
    -(2**200),
    1.5,
    -0.0,
    math.inf,
    math.nan,
    "",
    "text\0 \u20ac \U0001f600",
    "\ud800",
    b"",
    b"\xff\0",
    bytearray(b"ab"),
    (),
    (1, (2, [3, ()])),
    [],
    [[], {}, set(), frozenset()],
    {1, "a", (2,)},
    frozenset({1.5}),
    {1: "int", "1": "str", (1, 2): "tuple", b"1": "bytes", None: 0, 1.5: 2**70},
    OrderedDict([("b", 1), ("a", (2,))]),
    Decimal("1.10"),
    Decimal("-0E+9"),
    Decimal("sNaN12"),
    Fraction(1, 3),
    complex(-0.0, 2.0),
    range(1, 10, 3),
    date(1, 1, 1),
    time(23, 59, 59, 999_999, fold=1),
    time(1, tzinfo=timezone(timedelta(hours=-3))),
    timedelta(days=-1, microseconds=1),
    datetime(2026, 3, 29, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, 1, 2, 3, 4),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(minutes=90), "X")),
    UUID(int=7),
    PurePosixPath("a/b"),
]
"""Values that a codec carries without being told a type."""

DECLARED_VALUES: list[tuple[Any, Any]] = [
    (Colour, Colour.RED),
    (dict[Colour, Rights | None], {Colour.RED: Rights.READ | Rights.WRITE}),
    (list[Point], [Point(1, 2.0)]),
    (Part, Part("a", Point(0, math.nan))),
    (Whole | None, Whole([Part("a"), Part("b")], {"a": Part("a")})),
    (Whole | None, None),
    (int, "not what was declared, and still itself"),
]
"""(declared type, value)."""


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal in every detail: types, signs of zero, NaN, time zones, order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, (set, frozenset)):
        return len(one) == len(other) and all(any(same(each, its) for its in other) for each in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, (datetime, time)):
        return one.isoformat() == other.isoformat() and one.fold == other.fold and _zone(one) == _zone(other)
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__)
    return repr(one) == repr(other)


def _zone(moment: Any) -> tuple[type, str]:
    return type(moment.tzinfo), repr(moment.tzinfo)


def _name(value: Any) -> str:
    """An id that is the same in every process: the order of a set is not."""
    return type(value).__name__ if isinstance(value, (set, frozenset, dict, list)) else repr(value)


class CodecContract:
    """Derive from this, and give it a codec."""

    def codec(self) -> Codec:
        """A new codec, with the same settings each time."""
        raise NotImplementedError

    @pytest.mark.parametrize("value", BUILTIN_VALUES, ids=_name)
    def test_it_gives_back_exactly_what_it_was_given(self, value: Any) -> None:
        data = self.codec().encode(value, Any, "key")
        assert same(self.codec().decode(data, Any, "key"), value)

    @pytest.mark.parametrize(("declared", "value"), DECLARED_VALUES, ids=_name)
    def test_it_gives_back_what_was_declared(self, declared: Any, value: Any) -> None:
        data = self.codec().encode(value, declared, "key")
        assert same(self.codec().decode(data, declared, "key"), value)

    def test_what_it_gives_back_is_a_value_of_its_own(self) -> None:
        value = {"list": [1]}
        data = self.codec().encode(value, Any, "key")
        value["list"].append(2)
        assert self.codec().decode(data, Any, "key") == {"list": [1]}

    def test_it_reads_from_a_part_of_a_buffer(self) -> None:
        data = self.codec().encode([1, "a"], Any, "key")
        assert self.codec().decode(memoryview(b"__" + data)[2:], Any, "key") == [1, "a"]

    def test_bytes_that_it_did_not_write_are_an_exception_of_the_usual_kind(self) -> None:
        data = self.codec().encode({"a": [1, (2, 3)]}, Any, "key")
        for broken in (b"", data[:-1], b"\xc1" + data, b"\xff" * 40):
            with pytest.raises(Exception):  # noqa: B017, PT011 - which one is the codec's affair
                self.codec().decode(broken, Any, "key")

    def test_its_digest_is_64_bits_and_the_same_each_time(self) -> None:
        for declared, _ in DECLARED_VALUES:
            digest = self.codec().digest(declared)
            assert 0 <= digest < 2**64
            assert digest == self.codec().digest(declared)

    def test_its_number_is_one_byte(self) -> None:
        assert 0 < self.codec().number < 256

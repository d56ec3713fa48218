"""What has no canonical spelling is refused, and the refusal says what to do."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy
import pytest

from afresh.core.spelling import canonical
from afresh.errors import UnkeyableArgument


class Loud(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


@dataclass
class OwnEquality:
    amount: int

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return self.amount


@dataclass(eq=False)
class Identity:
    amount: int


class Shape:
    pass


class Point:
    def __cache_key__(self) -> Any:
        return self


def _cycle() -> list[Any]:
    cycle: list[Any] = [1]
    cycle.append({"again": cycle})
    return cycle


def _local() -> type:
    @dataclass
    class Local:
        amount: int

    return Local


@pytest.mark.parametrize(
    "value",
    [
        object(),
        Shape(),
        Loud("a"),
        OwnEquality(1),
        Identity(1),
        Point(),
        _cycle(),
        _local(),
        _local()(1),
        lambda: None,
        "a".upper,
        Point().__cache_key__,
        (each for each in ()),
        numpy.zeros(2),
        numpy.longdouble("0.1"),
        Decimal("sNaN"),
        Decimal("1E+999999"),
        memoryview(b"a"),
        itertools.count(),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("inside", [lambda value: value, lambda value: [(value,)]], ids=["bare", "inside"])
def test_what_has_no_spelling_is_refused_and_told_what_to_do(value: Any, inside: Any) -> None:
    with pytest.raises(UnkeyableArgument) as raised:
        canonical(inside(value))
    assert str(raised.value)


def test_the_refusal_names_the_type_and_the_way_out() -> None:
    with pytest.raises(UnkeyableArgument, match=r"test_spelling_refusals\.Shape.*key=.*__cache_key__"):
        canonical({"deep": [Shape()]})

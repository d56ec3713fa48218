"""Snapshots see every change within a value, and none where there was none."""

from __future__ import annotations

import copy
import itertools
import threading
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.testing.snapshot import difference, snapshot


class Plain:
    def __init__(self) -> None:
        self.items = [1]
        self.other: Any = None


class Slotted:
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = [1]


class Both(Slotted):
    def __init__(self) -> None:
        super().__init__()
        self.more = 1


@dataclass
class Data:
    name: str = "a"
    tags: set[str] = field(default_factory=lambda: {"x", "y"})


class Struct(msgspec.Struct):
    numbers: list[int]


class Named(list[int]):
    name = "a"


class Colour(Enum):
    RED = 1


class Unreducible:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0


CHANGES: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = [
    (lambda: [1, 2], lambda value: value.append(3)),
    (lambda: [1, 2], lambda value: value.reverse()),
    (lambda: [1], lambda value: value.__setitem__(0, True)),
    (lambda: [1], lambda value: value.__setitem__(0, 1.0)),
    (lambda: [0.0], lambda value: value.__setitem__(0, -0.0)),
    (lambda: ([],), lambda value: value[0].append(1)),
    (lambda: {"a": 1}, lambda value: value.update(a=2)),
    (lambda: {"a": 1, "b": 2}, lambda value: value.__setitem__("a", value.pop("a"))),
    (lambda: {1, 2}, lambda value: value.add(3)),
    (lambda: bytearray(b"ab"), lambda value: value.extend(b"c")),
    (lambda: deque([1, 2], 5), lambda value: value.rotate()),
    (lambda: OrderedDict(a=1, b=2), lambda value: value.move_to_end("a")),
    (lambda: defaultdict(list, a=[1]), lambda value: value["b"]),
    (lambda: Counter("aab"), lambda value: value.update("a")),
    (lambda: array("d", [1.0]), lambda value: value.append(2.0)),
    (lambda: np.arange(4), lambda value: value.__setitem__(2, 9)),
    (Plain, lambda value: value.items.append(2)),
    (Plain, lambda value: setattr(value, "other", 1)),
    (Plain, lambda value: setattr(value, "new", 1)),
    (Slotted, lambda value: value.value.append(2)),
    (Both, lambda value: value.value.append(2)),
    (Both, lambda value: setattr(value, "more", 2)),
    (Data, lambda value: setattr(value, "name", "b")),
    (Data, lambda value: value.tags.discard("x")),
    (lambda: Struct([1]), lambda value: value.numbers.append(2)),
    (lambda: Named([1]), lambda value: setattr(value, "name", "b")),
    (lambda: Named([1]), lambda value: value.append(2)),
    (lambda: ValueError("a"), lambda value: setattr(value, "args", ("b",))),
    (Unreducible, lambda value: setattr(value, "count", 1)),
]


@pytest.mark.parametrize(("make", "change"), CHANGES)
def test_a_change_is_seen(make: Callable[[], Any], change: Callable[[Any], Any]) -> None:
    value = make()
    before = snapshot(value)
    assert difference(before, snapshot(value)) is None
    hash(before)
    change(value)
    assert difference(before, snapshot(value)) is not None


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        [float("nan")],
        datetime(2026, 1, 1, tzinfo=UTC),
        Decimal("1.10"),
        Colour.RED,
        lambda: None,
        threading.Lock(),
        iter([1, 2]),
        itertools.count(),
        (each for each in [1]),
        object(),
        {frozenset({1, (2, 3)}): Colour},
        np.float64(1.5),
        type,
        range(3),
        memoryview(b"abc"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_looking_changes_nothing(value: Any) -> None:
    before = snapshot(value)
    assert difference(before, snapshot(value)) is None


def test_iterators_are_not_advanced() -> None:
    iterator = iter([1, 2])
    snapshot(iterator)
    assert list(iterator) == [1, 2]


def test_values_that_hold_themselves_end() -> None:
    value: list[Any] = [1]
    value.append({"me": value})
    before = snapshot(value)
    assert difference(before, snapshot(value)) is None
    value[1]["more"] = 1
    assert difference(before, snapshot(value)) is not None


def test_shared_parts_are_walked_once() -> None:
    value: list[Any] = [1]
    for _ in range(100):
        value = [value, value]
    snapshot(value)


def test_the_difference_says_where() -> None:
    value = {"rows": [Data(), Data()]}
    before = snapshot(value)
    value["rows"][1].name = "b"
    assert difference(before, snapshot(value)) == "['rows'][1].name: 'a' became 'b'"


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=12,
)


@given(nested)
def test_equal_structures_have_equal_snapshots(value: Any) -> None:
    assert difference(snapshot(value), snapshot(copy.deepcopy(value))) is None


@given(nested, nested)
def test_different_structures_have_different_snapshots(one: Any, other: Any) -> None:
    same = repr(one) == repr(other)
    assert (difference(snapshot(one), snapshot(other)) is None) == same

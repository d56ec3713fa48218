"""How classes are taken apart: without their constructors, and only those that hide nothing."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from afresh.codecs.shapes import shape_of
from afresh.errors import UncacheableValue


class Pair(NamedTuple):
    a: int
    b: int


class Loose(Pair):
    pass


@dataclass
class Loud:
    a: int

    def __post_init__(self) -> None:
        raise RuntimeError("constructed")


@dataclass(slots=True)
class Slotted:
    a: int


@dataclass
class Mixed(Slotted):
    b: int = 2


@dataclass
class Listing(list[int]):
    a: int


class Undecorated(Slotted):
    pass


class Kept(enum.Flag, boundary=enum.KEEP):
    A = 1


def _back(value: Any) -> Any:
    shape = shape_of(type(value))
    assert shape is not None
    return shape.make(shape.take(value))


def test_no_constructor_runs() -> None:
    loud = object.__new__(Loud)
    loud.a = 1
    assert vars(_back(loud)) == {"a": 1}


def test_slots_and_attributes_of_one_object() -> None:
    mixed = Mixed(1)
    mixed.other = 3  # type: ignore[attr-defined]
    back = _back(mixed)
    assert (back.a, back.b, back.other) == (1, 2, 3)
    assert back is not mixed


def test_members_of_enums_are_themselves() -> None:
    assert _back(Kept.A) is Kept.A
    assert _back(Kept(5)) is Kept(5)


def test_attributes_beside_the_items_of_a_named_tuple_are_refused() -> None:
    loose = Loose(1, 2)
    assert _back(loose) == loose
    loose.note = "lost"  # type: ignore[attr-defined]
    with pytest.raises(UncacheableValue, match="note"):
        _back(loose)


@pytest.mark.parametrize("kind", [Listing, Undecorated, int, dict, object, Exception, type])
def test_classes_with_state_elsewhere_have_no_shape(kind: type) -> None:
    assert shape_of(kind) is None


@pytest.mark.parametrize(
    ("kind", "state"),
    [(Pair, [1]), (Pair, 5), (Slotted, {"a": 1, "b": 2}), (Loud, [1, 2]), (Kept, "A"), (Slotted, None)],
)
def test_a_state_that_does_not_fit_is_an_error(kind: type, state: Any) -> None:
    shape = shape_of(kind)
    assert shape is not None
    with pytest.raises((ValueError, TypeError)):
        shape.make(state)

"""The estimate of a value's size."""

from __future__ import annotations

import tracemalloc
from collections import deque, namedtuple
from dataclasses import dataclass
from sys import getsizeof
from time import perf_counter

import msgspec
import numpy
import pytest

from afresh.backends.memory.size import deep_size


class Plain:
    def __init__(self, text: str) -> None:
        self.text = text


class Slotted:
    __slots__ = ("__weakref__", "never_set", "text")

    def __init__(self, text: str) -> None:
        self.text = text


class Child(Slotted):
    __slots__ = ("more",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.more = text + "more"


@dataclass
class Data:
    text: str


class Struct(msgspec.Struct):
    text: str


Pair = namedtuple("Pair", "text number")
LONG = "x" * 10_000


@pytest.mark.parametrize("value", ["", "äöü" * 50, b"abc", 7, 2**100, 1.5, None, True, bytearray(50), 1j])
def test_flat_values_are_exact(value: object) -> None:
    assert deep_size(value) == getsizeof(value)


@pytest.mark.parametrize(
    "value",
    [
        Plain(LONG),
        Slotted(LONG),
        Data(LONG),
        Struct(LONG),
        Pair(LONG, 1),
        [LONG],
        (LONG,),
        {LONG},
        frozenset([LONG]),
        deque([LONG]),
        {"key": LONG},
        {LONG: 1},
        {"deep": [{"deeper": (Plain(LONG),)}]},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_it_refers_to_is_counted_once(value: object) -> None:
    assert 10_000 < deep_size(value) < 11_500
    assert deep_size([value, value, value]) < 11_700


def test_slots_of_all_classes_count() -> None:
    assert deep_size(Child(LONG)) > 20_000


def test_arrays_count_what_they_show() -> None:
    array = numpy.zeros(1000)
    assert 8000 <= deep_size(array) < 8400
    assert deep_size(array[::2]) >= 4000
    assert deep_size(memoryview(bytes(5000))) >= 5000


@pytest.mark.parametrize(
    "make",
    [
        lambda: [{"id": n, "name": f"name {n}" * 3, "tags": [str(n), str(n + 1)]} for n in range(3000)],
        lambda: {n: str(n) * 4 for n in range(1000, 20_000)},
        lambda: [Struct(str(n) * 10) for n in range(3000)],
        lambda: [[(n, str(n)) for n in range(300)] for _ in range(100)],
    ],
)
def test_large_values_are_estimated_within_a_third(make) -> None:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    value = make()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert taken / 1.35 < deep_size(value) < taken * 1.35


def test_a_value_that_refers_to_itself_ends() -> None:
    loop: list[object] = [LONG]
    loop.append(loop)
    assert 10_000 < deep_size(loop) < 11_000


def test_no_value_takes_long() -> None:
    def bush(depth: int) -> object:
        return str(depth) if depth == 0 else [bush(depth - 1) for _ in range(12)]

    value = [bush(4)] * 3 + [list(range(100_000))]
    began = perf_counter()
    deep_size(value)
    assert perf_counter() - began < 0.2


def test_a_proxy_is_not_woken() -> None:
    class Proxy:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(name)

        def __len__(self) -> int:
            raise AssertionError("len")

    assert deep_size(Proxy()) < 1000


def test_types_and_functions_are_shared() -> None:
    assert deep_size([Plain, deep_size, numpy]) < 3000

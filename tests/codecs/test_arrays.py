"""numpy's arrays and scalars."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

from afresh.codecs.arrays import make
from afresh.codecs.msgpack import Msgpack
from afresh.errors import UncacheableValue

CODEC = Msgpack()

ARRAYS: list[Any] = [
    numpy.arange(6).reshape(2, 3),
    numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
    numpy.arange(20)[::3],
    numpy.array(5.5),
    numpy.array([], dtype="f4"),
    numpy.zeros((0, 3, 2)),
    numpy.array([1, 2], dtype=">i4"),
    numpy.array([True, False]),
    numpy.array([1j]),
    numpy.array(["a", "bcd"]),
    numpy.array([b"a\0", b"b"]),
    numpy.array(["", ""]),
    numpy.array(["2026-01-01", "NaT"], dtype="datetime64[s]"),
    numpy.array([5], dtype="timedelta64[ms]"),
    numpy.array([numpy.nan, -0.0, numpy.inf]),
]
SCALARS: list[Any] = [
    numpy.float64(1.5),
    numpy.float64("nan"),
    numpy.int8(-1),
    numpy.bool_(True),
    numpy.complex64(1j),
    numpy.str_("é\0"),
    numpy.str_(""),
    numpy.bytes_(b"a\0"),
    numpy.bytes_(b""),
    numpy.datetime64("2026-01-01T00:00:00.123456789"),
    numpy.timedelta64(5, "D"),
]


@pytest.mark.parametrize("array", ARRAYS, ids=repr)
def test_an_array_comes_back_exactly(array: Any) -> None:
    (back,) = CODEC.decode(CODEC.encode((array,)))
    assert type(back) is numpy.ndarray
    assert back.dtype == array.dtype
    assert back.dtype.byteorder == array.dtype.byteorder
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert back.flags.f_contiguous == (
        array.flags.f_contiguous or array[..., None].size == 0 or array.ndim == 1
    )
    assert back.flags.writeable


def test_an_array_that_cannot_be_written_to_stays_so() -> None:
    for array in (numpy.arange(3), numpy.array([])):
        array.flags.writeable = False
        assert not CODEC.decode(CODEC.encode(array)).flags.writeable


@pytest.mark.parametrize("scalar", SCALARS, ids=repr)
def test_a_scalar_comes_back_exactly(scalar: Any) -> None:
    back = CODEC.decode(CODEC.encode({"a": scalar}))["a"]
    assert type(back) is type(scalar)
    assert back.dtype == scalar.dtype
    assert bytes(back.tobytes()) == bytes(scalar.tobytes())


@pytest.mark.parametrize(
    "value",
    [
        numpy.array([object()]),
        numpy.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        numpy.ma.array([1]),
        numpy.longdouble("0.1"),
        numpy.dtype("f8"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_bytes_do_not_say_is_refused(value: Any) -> None:
    with pytest.raises(UncacheableValue):
        CODEC.encode(value)


@pytest.mark.parametrize(
    "state",
    [
        ["|O", b"12345678", [1], "C", True],
        ["O", b"12345678"],
        ["<f8", b"", [10**12], "C", True],
        ["<f8", b"1234", [1], "C", True],
        ["<f8", b"12345678", [-1, 5], "C", True],
        ["f8,O", b"12345678"],
        [None, b"12345678"],
    ],
)
def test_hostile_states_are_errors(state: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        make(state)

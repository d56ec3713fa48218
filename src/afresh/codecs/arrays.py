"""numpy's arrays and scalars, by their bytes. Imported when one is stored or read."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy

from afresh.errors import UncacheableValue

_KINDS = "biufcSUMm"
"""Booleans, integers, floats, complex, bytes, text, datetimes, timedeltas: their bytes are all they are."""


def take(value: Any) -> list[Any]:
    """Type, bytes, and for an array: shape, memory order, whether it can be written to."""
    kind = type(value)
    if kind is not numpy.ndarray and not isinstance(value, numpy.generic):
        raise UncacheableValue(f"a numpy.{kind.__name__} can't be stored: convert it to an ndarray.")
    if value.dtype.kind not in _KINDS or value.dtype.char in "gG":
        raise UncacheableValue(
            f"numpy values of type {value.dtype} can't be stored exactly: convert them to a plain type."
        )
    if kind is not numpy.ndarray:
        # An empty text's own `tobytes` is not empty.
        return [value.dtype.str, value.tobytes() if value.dtype.itemsize else b""]
    by_column = value.flags.f_contiguous and not value.flags.c_contiguous
    order = "F" if by_column else "C"
    return [value.dtype.str, value.tobytes(order), list(value.shape), order, value.flags.writeable]


def make(state: list[Any]) -> Any:
    """The array or scalar again."""
    dtype = numpy.dtype(_checked(state[0]))
    if len(state) == 2:
        return _scalar(dtype, state[1])
    _, data, shape, order, writeable = state
    if not data:
        if prod(shape) * dtype.itemsize:
            raise ValueError(f"no bytes for an array of {shape}")
        array = numpy.ndarray(tuple(shape), dtype, order=order)
    else:
        array = numpy.frombuffer(data, dtype).reshape(shape, order=order)
        if writeable:
            array = array.copy(order="K")  # frombuffer shares the bytes, which can't be written to
    array.flags.writeable = writeable
    return array


def _scalar(dtype: Any, data: bytes) -> Any:
    if dtype.kind == "S":  # an item of an array would lose NULs at its end
        return numpy.bytes_(data)
    if dtype.kind == "U":
        return numpy.str_(data.decode("utf-32-le" if dtype.str[0] == "<" else "utf-32-be", "surrogatepass"))
    return numpy.frombuffer(data, dtype, 1)[0]


def _checked(text: Any) -> str:
    """A type's letters, as in `<f8`; never a Python object."""
    if type(text) is not str or text[1:2] not in set(_KINDS):
        raise ValueError(f"{text!r} is not the type of an array")
    return text

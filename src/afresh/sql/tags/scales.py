"""Scales: where a value stands among all values of its column, as a small whole number.

A range becomes tags by cutting the scale into pieces: a reader carries those that cover its range, a
write marks those in which its rows stand. All that this needs is order: of two values the database's
greater one never has the lower place. Many values share a place, and beyond both ends all do; that is
only imprecise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

_DECIMAL = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PATTERN = "0000-00-00"

_STEPS = 16  # of an octave: numbers that differ by more than a sixteenth stand apart
_FINEST, _LEAST, _MOST = 2.0**-8, 256.0, 2.0**32
_ZERO = 320
_FIRST_DAY = date(1970, 1, 1).toordinal() - 2**14  # in 1925; the last one is in 2104


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale, and how it is cut.

    Args:
        place: The place of a value, from 0 on; None when it is not certain.
        top: The highest place. One less than a multiple of the widest pieces.
        widths: Of the pieces of each level, the finest first, as powers of two; each fits into the next.
    """

    place: Callable[[Any], int | None]
    top: int
    widths: tuple[int, ...]

    def pieces(self, place: int) -> tuple[tuple[int, int], ...]:
        """The pieces in which a place lies: level and number of each."""
        return tuple((level, place >> width) for level, width in enumerate(self.widths))

    def cover(self, low: int, high: int, most: int) -> tuple[tuple[int, int], ...]:
        """The fewest pieces that cover a range, and at most so many: then they cover somewhat more."""
        found: tuple[tuple[int, int], ...] = ()
        for level in range(len(self.widths)):
            found = _covered(self.widths, low, high, level)
            if len(found) <= most:
                break
        return found


@lru_cache(4096)
def _covered(widths: tuple[int, ...], low: int, high: int, finest: int) -> tuple[tuple[int, int], ...]:
    found = []
    at = low >> widths[finest] << widths[finest]
    while at <= high:
        level = finest
        while level + 1 < len(widths) and _fits(widths[level + 1], at, high):
            level += 1
        found.append((level, at >> widths[level]))
        at += 1 << widths[level]
    return tuple(found)


def _fits(width: int, at: int, high: int) -> bool:
    return at & ((1 << width) - 1) == 0 and at + (1 << width) - 1 <= high


# Numbers: by their size, so that any unit will do.


def place_of_number(value: float) -> int:
    """The place of a number: sixteen for each doubling."""
    return _ZERO + (_size(min(value, _MOST)) if value >= 0 else -1 - _size(min(-value, _LEAST)))


def _size(value: float) -> int:
    if value < _FINEST:
        return 0
    part, exponent = math.frexp(value)  # part is 0.5 or more
    return (exponent + 8) * _STEPS + int((part * 2 - 1) * _STEPS)


def _number(value: Any) -> int | None:
    kind = type(value)
    known = kind is int or kind is float or kind is bool or (kind is Decimal and value.is_finite())
    if not known and not (kind is str and _DECIMAL.fullmatch(value)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if number != number else place_of_number(number)  # noqa: PLR0124 - NaN


# Times: by days.


def place_of_day(ordinal: int) -> int:
    """The place of a day, given as `date.toordinal` does."""
    return min(max(ordinal - _FIRST_DAY, 0), 2**16 - 1)


def _day(value: Any) -> int | None:
    if type(value) is date or (type(value) is datetime and value.tzinfo is None):
        return place_of_day(value.toordinal())
    if type(value) is str and _ISO.fullmatch(value):
        return place_of_text(value)
    return None


def _instant(value: Any) -> int | None:
    if type(value) is not datetime or value.utcoffset() is None:
        return None
    try:
        return place_of_day(value.astimezone(UTC).toordinal())
    except OverflowError:
        return None


def place_of_text(text: str) -> int:
    """The place of a text among ISO dates, in the order of its characters, date or not."""
    digits = ""
    for index, wanted in enumerate(_PATTERN):
        here = text[index : index + 1]
        if here == wanted or (wanted == "0" and "0" <= here <= "9" and here):
            digits += here
        else:
            return place_of_day(
                _ordinal(digits + (_PATTERN[index:] if here < wanted else "9999-99-99"[index:]))
            )
    return place_of_day(_ordinal(digits))


def _ordinal(digits: str) -> int:
    year, month, day = max(int(digits[:4]), 1), int(digits[5:7]), int(digits[8:10])
    if month < 1:
        return date(year, 1, 1).toordinal()
    if month > 12:
        return date(year, 12, 31).toordinal()
    first = date(year, month, 1).toordinal()
    following = date(year, month + 1, 1).toordinal() if month < 12 else date(year, 12, 31).toordinal() + 1
    return min(max(first + day - 1, first), following - 1)


NUMBERS = Scale(_number, 1023, (0, 4, 6))
DAYS = Scale(_day, 2**16 - 1, (0, 4, 8, 12))
INSTANTS = Scale(_instant, 2**16 - 1, (0, 4, 8, 12))

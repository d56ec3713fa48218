"""The spellings of values that hold no other values: numbers, text, times, identifiers, paths.

Each takes the value and a depth (see `afresh.core.spelling`), which only containers need.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from afresh.errors import UnkeyableArgument

Speller: TypeAlias = Callable[[Any, int], str]

_DECIMAL_DIGITS = 2**64  # integers beyond are spelled in hexadecimal, which takes linear time
_LARGEST_EXPONENT = 5_000

# What is written as an escape, as a fixed table: `str.isprintable` changes with each Unicode release.
_ESCAPED = re.compile(
    "[\\x00-\\x20'\\\\\\x7f-\\xa0\\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    "\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]"
)
_SHORT_ESCAPES = {" ": "\\s", "'": "\\'", "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def quoted(text: str) -> str:
    r"""A string in quotes, without blanks or control characters: `'red\sshoes'`."""
    if text.isalnum() and text.isascii():
        return f"'{text}'"
    return f"'{_ESCAPED.sub(_escape, text)}'"


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    short = _SHORT_ESCAPES.get(character)
    if short:
        return short
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


# Numbers. Equal numbers of all types meet in one of three forms: 7, 0.5 (exactly a float), 1/10.


def _int(value: Any, depth: int) -> str:
    if -_DECIMAL_DIGITS < value < _DECIMAL_DIGITS:
        return int.__repr__(value)
    return hex(value)


def _float(value: Any, depth: int) -> str:
    if value.is_integer():
        return _int(int(value), depth)
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "nan"
    return float.__repr__(value)


def _ratio(numerator: int, denominator: int) -> str:
    if denominator == 1:
        return _int(numerator, 0)
    try:
        nearest = numerator / denominator
    except OverflowError:
        nearest = 0.0
    if nearest.as_integer_ratio() == (numerator, denominator):
        return float.__repr__(nearest)
    return f"{_int(numerator, 0)}/{_int(denominator, 0)}"


def _fraction(value: Any, depth: int) -> str:
    return _ratio(value.numerator, value.denominator)


def _decimal(value: Any, depth: int) -> str:
    if value.is_snan():
        raise UnkeyableArgument("a signalling NaN can't be compared, so it can't stand in a key.")
    if not value.is_finite():
        return _float(float(value), depth)
    if value and abs(value.adjusted()) + len(value.as_tuple().digits) > _LARGEST_EXPONENT:
        raise UnkeyableArgument(
            f"{value!r} has too large an exponent to stand in a key: give the function a key=, or round it."
        )
    return _ratio(*value.as_integer_ratio())


def _complex(value: Any, depth: int) -> str:
    if value.imag == 0:
        return _float(value.real, depth)
    return f"complex({_float(value.real, depth)},{_float(value.imag, depth)})"


# Text and bytes.


def _str(value: Any, depth: int) -> str:
    return quoted(str.__str__(value))  # a member of a str-Enum as the string that it is


def _bytes(value: Any, depth: int) -> str:
    return "b" + quoted(bytes(value).decode("latin-1")).encode("ascii", "backslashreplace").decode()


# Times.


def _date(value: Any, depth: int) -> str:
    return f"date({value.isoformat()})"


def _datetime(value: Any, depth: int) -> str:
    offset = value.utcoffset()
    naive = value.replace(tzinfo=None, fold=0)
    if offset is None:
        return f"datetime({naive.isoformat()})"
    try:
        return f"datetime({(naive - offset).isoformat()}Z)"
    except OverflowError:  # an instant before the year 1 or after 9999 in UTC
        return f"datetime({naive.isoformat()},{_timedelta(offset, depth)})"


def _time(value: Any, depth: int) -> str:
    offset = value.utcoffset()
    if offset is None:
        return f"time({value.replace(tzinfo=None, fold=0).isoformat()})"
    # Equality of aware times doesn't wrap around midnight: 00:30+01:00 is -00:30 in UTC, not 23:30.
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return f"time({_microseconds(offset, sign=-1, more=seconds * 1_000_000 + value.microsecond)}us,utc)"


def _timedelta(value: Any, depth: int) -> str:
    return f"timedelta({_microseconds(value)}us)"


def _microseconds(delta: Any, *, sign: int = 1, more: int = 0) -> int:
    whole: int = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return sign * whole + more


def _uuid(value: Any, depth: int) -> str:
    return f"UUID({value.int:032x})"


def _posix_path(value: Any, depth: int) -> str:
    return f"PosixPath({quoted(str(value))})"


def _windows_path(value: Any, depth: int) -> str:
    return f"WindowsPath({quoted(str(value).lower())})"


SPELLERS: dict[str, Speller] = {
    "builtins.NoneType": lambda value, depth: "None",
    "builtins.ellipsis": lambda value, depth: "...",
    "builtins.bool": _int,
    "builtins.int": _int,
    "builtins.float": _float,
    "builtins.complex": _complex,
    "builtins.str": _str,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytes,
    "decimal.Decimal": _decimal,
    "fractions.Fraction": _fraction,
    "datetime.datetime": _datetime,
    "datetime.date": _date,
    "datetime.time": _time,
    "datetime.timedelta": _timedelta,
    "uuid.UUID": _uuid,
    "pathlib.PurePosixPath": _posix_path,
    "pathlib.PureWindowsPath": _windows_path,
}
"""By the class's name, so that nothing has to be imported that the application hasn't."""

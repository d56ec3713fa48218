"""The builtin kinds that MessagePack has no form for, as extension types: exact in both directions.

Each kind has a number that never changes its meaning, a function that takes the value apart and one
that puts it together. What is inside (the items of a tuple, the key of a time zone) is MessagePack
again, which `Form` packs and unpacks.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple
from uuid import UUID, SafeUUID
from zoneinfo import ZoneInfo

from afresh.errors import UncacheableValue


class Extension(NamedTuple):
    """One kind.

    Attributes:
        kind: Exactly this type; a subclass may hold more.
        code: The extension type's number.
        take: The value's content, as bytes or as something to pack.
        make: The value from that content.
        raw: The content is bytes, written as they are.
    """

    kind: type
    code: int
    take: Callable[[Any], Any]
    make: Callable[[Any], Any]
    raw: bool = False


def int_bytes(value: int) -> bytes:
    """An integer of any size, little-endian, with its sign."""
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)


def int_from(data: memoryview) -> int:
    """The integer of `int_bytes`."""
    return int.from_bytes(data, "little", signed=True)


def text_bytes(value: Any) -> bytes:
    """What `str` makes of it, in UTF-8 that may hold lone surrogates."""
    return str(value).encode("utf-8", "surrogatepass")


def text_from(data: memoryview) -> str:
    """The text of `text_bytes`."""
    return str(data, "utf-8", "surrogatepass")


def _zone(zone: tzinfo | None) -> Any:
    """A zone as nil, its key, its offset in microseconds, or offset and name."""
    if zone is None:
        return None
    if type(zone) is timezone:
        offset = _microseconds(zone.utcoffset(None))
        plain = timezone(timedelta(microseconds=offset))
        return offset if repr(plain) == repr(zone) else [offset, zone.tzname(None)]
    if type(zone) is ZoneInfo and zone.key is not None:
        return zone.key
    raise UncacheableValue(
        f"the time zone {zone!r} can't be stored exactly: use datetime.timezone or zoneinfo.ZoneInfo."
    )


def _zone_from(state: Any) -> tzinfo | None:
    if state is None:
        return None
    if type(state) is str:
        return ZoneInfo(state)
    if type(state) is int:
        return timezone(timedelta(microseconds=state)) if state else UTC
    offset, name = state
    return timezone(timedelta(microseconds=offset), name)


def _microseconds(delta: timedelta) -> int:
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _moment(value: Any) -> Any:
    return [value.replace(tzinfo=None, fold=0).isoformat(), value.fold, _zone(value.tzinfo)]


def _datetime_from(state: Any) -> datetime:
    text, fold, zone = state
    return datetime.fromisoformat(text).replace(fold=fold, tzinfo=_zone_from(zone))


def _time_from(state: Any) -> time:
    text, fold, zone = state
    return time.fromisoformat(text).replace(fold=fold, tzinfo=_zone_from(zone))


_COMPLEX = struct.Struct("<dd")
_SAFETY = {None: SafeUUID.unknown, 1: SafeUUID.safe, 0: SafeUUID.unsafe}
_SAFETY_CODES = {SafeUUID.unknown: b"", SafeUUID.safe: b"\x01", SafeUUID.unsafe: b"\x00"}


def _uuid_from(data: memoryview) -> UUID:
    return UUID(bytes=bytes(data[:16]), is_safe=_SAFETY[data[16] if len(data) > 16 else None])


def _path_kind(kind: type[PurePath]) -> Callable[[memoryview], PurePath]:
    return lambda data: kind(text_from(data))


BIG_INT, TUPLE, SURROGATES, PAIRS, OBJECT, ARRAY = 1, 2, 18, 15, 19, 20

EXTENSIONS = (
    Extension(tuple, TUPLE, list, tuple),
    Extension(set, 3, list, set),
    Extension(frozenset, 4, list, frozenset),
    Extension(bytearray, 5, bytes, bytearray, raw=True),
    Extension(Decimal, 6, text_bytes, lambda data: Decimal(text_from(data)), raw=True),
    Extension(Fraction, 7, lambda value: list(value.as_integer_ratio()), lambda state: Fraction(*state)),
    Extension(
        complex,
        8,
        lambda value: _COMPLEX.pack(value.real, value.imag),
        lambda data: complex(*_COMPLEX.unpack(data)),
        raw=True,
    ),
    Extension(datetime, 9, _moment, _datetime_from),
    Extension(
        date,
        10,
        lambda value: int_bytes(value.toordinal()),
        lambda data: date.fromordinal(int_from(data)),
        raw=True,
    ),
    Extension(time, 11, _moment, _time_from),
    Extension(
        timedelta,
        12,
        lambda value: int_bytes(_microseconds(value)),
        lambda data: timedelta(microseconds=int_from(data)),
        raw=True,
    ),
    Extension(UUID, 13, lambda value: value.bytes + _SAFETY_CODES[value.is_safe], _uuid_from, raw=True),
    Extension(range, 14, lambda value: [value.start, value.stop, value.step], lambda state: range(*state)),
    Extension(OrderedDict, 16, lambda value: [list(pair) for pair in value.items()], OrderedDict),
    Extension(PurePosixPath, 22, text_bytes, _path_kind(PurePosixPath), raw=True),
    Extension(PureWindowsPath, 23, text_bytes, _path_kind(PureWindowsPath), raw=True),
    Extension(type(Path()), 24, text_bytes, _path_kind(Path), raw=True),
)
"""By exact type. The codes between that are missing here belong to `Form`."""

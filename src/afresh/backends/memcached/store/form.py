"""How an envelope stands in an item: what a fill has to compare with, and the precise expiry, before it.

memcached expires by whole seconds of its own clock, so the item says when; the server's expiry only
clears up. A value of 0 bytes is none of ours.
"""

from __future__ import annotations

import math
from struct import Struct
from typing import Final, NamedTuple

_FORMAT: Final = 1
_HEAD: Final = Struct("<BBQqd")
"""Format, kind, number of clearings, stamp, expiry."""

FILL: Final = 0
PUT: Final = 1

FILLED: Final = bytes((_FORMAT, FILL))
"""What an item that holds a loaded value begins with."""
HEAD: Final = _HEAD.size
"""Bytes before the envelope."""

_PLACED: Final = bytes((_FORMAT, PUT))
_cleared: Final = Struct("<xxQ").unpack_from

_MONTH: Final = 30 * 24 * 3600  # seconds; memcached takes more than that for a moment, not a duration
_LAST: Final = 2**31 - 1


class Stored(NamedTuple):
    """What is in an item.

    Attributes:
        kind: `FILL` for the result of a load, `PUT` for a value that a caller set.
        cleared: Number of the last clearing before it was put (see `store_cleared`).
        stamp: Of the envelope.
        expires: Seconds since 1970.
        envelope: The bytes.
    """

    kind: int
    cleared: int
    stamp: int
    expires: float
    envelope: bytes

    def packed(self) -> bytes:
        """The item's value."""
        return _HEAD.pack(_FORMAT, *self[:4]) + self.envelope


def unpacked(value: bytes | None) -> Stored | None:
    """What is in an item; `None` where there is none, or none of this release."""
    if value is None or len(value) < _HEAD.size or value[0] != _FORMAT:
        return None
    _, kind, cleared, stamp, expires = _HEAD.unpack_from(value)
    return Stored(kind, cleared, stamp, expires, value[_HEAD.size :])


def put_since(value: bytes, clearing: int) -> bool:
    """Whether an item, of at least `HEAD` bytes, holds what was put after the clearing of that number."""
    return value.startswith(_PLACED) and _cleared(value)[0] >= clearing


def life(expires: float, now: float) -> str:
    """The flag that says when the server may forget an item: not before `expires`."""
    left = expires - now
    if left <= 0:
        return "T1"
    if left > _LAST - now:
        return "T0"
    if left > _MONTH - 2:
        return f"T{math.ceil(expires) + 1}"
    return f"T{math.ceil(left) + 1}"

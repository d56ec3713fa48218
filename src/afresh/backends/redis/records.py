"""Records of the log as bytes, the way `scripts/append.lua` reads them.

========  =====  ================================================================
offset    bytes
========  =====  ================================================================
0         1      kind: `What`; 0 begins an epoch
1         8      intent
9         8      owner
17        8 n    tags
========  =====  ================================================================

All numbers are little-endian. A tag is 64 bits, so no script ever makes a number of it.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Any

from afresh.backends.replica.remote import Record, What, numbers
from afresh.errors import BackendError

_HEAD = struct.Struct("<BQQ")
_WORD = 8


def written(what: What, tags: Sequence[int], intent: int, owner: int) -> bytes:
    """A record without its numbers, which the server gives."""
    return _HEAD.pack(what, intent, owner) + struct.pack(f"<{len(tags)}Q", *tags)


def read(last: int, data: bytes) -> Record:
    """A record whose last number is `last`.

    Raises:
        BackendError: These bytes are no record of this release.
    """
    try:
        kind, intent, owner = _HEAD.unpack_from(data)
        what = What(kind)
        tags = struct.unpack_from(f"<{(len(data) - _HEAD.size) // _WORD}Q", data, _HEAD.size)
    except (struct.error, ValueError) as error:
        raise BackendError(f"the log on the server holds what this release can't read: {error}") from error
    return Record(last - numbers(what, tags) + 1, last, what, tags, intent, owner)


def listed(entries: Sequence[Any]) -> list[Record]:
    """The records of an answer to `XRANGE`: the number, and one field, of each."""
    return [read(int(number.partition(b"-")[0]), fields[1]) for number, fields in entries]


def native(slots: bytes) -> bytes:
    """Slots as the server has them, in this machine's order of bytes."""
    if sys.byteorder == "little":
        return slots
    words = array("Q", slots)
    words.byteswap()
    return words.tobytes()

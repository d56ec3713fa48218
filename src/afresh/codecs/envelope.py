"""The envelope: a fixed header, the tags, their names, the payload. All numbers are little-endian.

========  =====  ===================================================================================
offset    bytes
========  =====  ===================================================================================
0         3      magic, `afr`
3         1      version of this format
4         1      number of the codec
5         1      flags
6         4      count of the tags
10        4      length of the names
14        8      epoch of the ledger
22        8      stamp, signed
30        8      digest of the declared type's shape
38        40     loaded_at, cost, soft, stale_until, error_until: seconds, as doubles
78        8 n    tags
78 + 8n          names, each after a byte 255; then the payload
the end   4      CRC-32 of the key that the envelope is stored under and of everything before it
========  =====  ===================================================================================

A CRC finds damage and mix-ups, not forgery: that is what encryption and signatures are for.
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from struct import Struct, pack
from typing import TypeAlias
from zlib import crc32

from afresh.core.entry import Facts

VERSION = 1

FAILED = 1
"""The payload is an exception."""
PINNED = 2
"""The value was set by a caller, not loaded."""
COMPRESSED = 4
ENCRYPTED = 8

CHECKSUM = 4
"""Bytes at the end."""

MAGIC = b"afr"
HEADER = Struct("<3sBBBIIQqQddddd")
_CHECKSUM = Struct("<I")
TAGS = HEADER.size
_ANY_EPOCH = 2**64 - 1
_NAME = b"\xff"  # before each name; UTF-8 has no such byte
_NO_TAGS: frozenset[int] = frozenset()

RESIDUE = 0x2144DF1C
"""The CRC-32 of any bytes followed by their own CRC-32: that saves cutting it off to compare."""


class Unreadable(Exception):
    """These bytes are not an envelope of ours for this key. The message says why."""


Head: TypeAlias = tuple[int, int, int, int, Facts, int]
"""Number of the codec, flags, epoch, digest of the type's shape, facts, where the payload begins."""

Fixed: TypeAlias = tuple[bytes, int, int, int, int, int, int, int, int, float, float, float, float, float]
"""Magic, version, codec, flags, count of tags, length of names, epoch, stamp, digest of the type's shape,
then `loaded_at`, `cost`, `soft`, `stale_until` and `error_until`."""


def head(facts: Facts, *, codec: int, flags: int, epoch: int, schema: int) -> bytes:
    """Everything before the payload."""
    tags = facts.tags
    names = b"".join([_NAME + _utf8(name) for name in facts.names])
    fixed = HEADER.pack(
        MAGIC,
        VERSION,
        codec,
        flags,
        len(tags),
        len(names),
        epoch & _ANY_EPOCH,
        facts.stamp,
        schema,
        facts.loaded_at,
        facts.cost,
        facts.soft,
        facts.stale_until,
        facts.error_until,
    )
    return b"%b%b%b" % (fixed, pack(f"<{len(tags)}Q", *tags), names) if tags or names else fixed


def wrap(front: bytes, payload: bytes, key: str) -> bytes:
    """The whole envelope, for a `head` and a payload."""
    checksum = crc32(payload, crc32(front, crc32(_utf8(key))))
    return b"%b%b%b" % (front, payload, _CHECKSUM.pack(checksum))


def fixed_part(data: bytes, key: str) -> Fixed:
    """Check an envelope, and read what stands at its fixed places.

    Raises:
        Unreadable: It isn't one, is damaged, or belongs to another key or release.
    """
    if len(data) < TAGS + CHECKSUM:
        raise Unreadable("it is too short to be an envelope")
    fixed: Fixed = HEADER.unpack_from(data)
    if fixed[0] != MAGIC:
        raise Unreadable("it is not an envelope of this library")
    if fixed[1] != VERSION:
        raise Unreadable(f"it has format {fixed[1]}, and this release reads {VERSION}")
    if crc32(data, crc32(_utf8(key))) != RESIDUE:
        raise Unreadable("its checksum is wrong: it is damaged, or belongs to another key")
    if payload_at(fixed) > len(data) - CHECKSUM:
        raise Unreadable("it is shorter than it says")
    return fixed


def payload_at(fixed: Fixed) -> int:
    """Where the payload begins."""
    return TAGS + 8 * fixed[4] + fixed[5]


def tags_of(data: bytes, count: int) -> frozenset[int]:
    """The tags of an envelope that was checked."""
    if not count:
        return _NO_TAGS
    form = _FEW_TAGS[count] if count < len(_FEW_TAGS) else Struct(f"<{count}Q")
    return frozenset(form.unpack_from(data, TAGS))


def facts_of(data: bytes, key: str, fixed: Fixed) -> Facts:
    """What is known of the value, of an envelope that was checked."""
    _, _, _, flags, count, length, _, stamp, _, loaded_at, cost, soft, stale, error = fixed
    names_at = TAGS + 8 * count
    tags = tags_of(data, count)
    names = _names(data[names_at : names_at + length]) if length else ()
    facts = _new(Facts)
    _set_key(facts, key)
    _set_stamp(facts, stamp)
    _set_tags(facts, tags)
    _set_names(facts, names)
    _set_loaded_at(facts, loaded_at)
    _set_cost(facts, cost)
    _set_soft(facts, soft)
    _set_stale_until(facts, stale)
    _set_error_until(facts, error)
    _set_failed(facts, flags & FAILED != 0)
    return facts


def unwrap(data: bytes, key: str) -> Head:
    """Read and check an envelope.

    Raises:
        Unreadable: It isn't one, is damaged, or belongs to another key or release.
    """
    fixed = fixed_part(data, key)
    return fixed[2], fixed[3], fixed[6], fixed[8], facts_of(data, key, fixed), payload_at(fixed)


_FEW_TAGS = [Struct(f"<{count}Q") for count in range(33)]

# A frozen dataclass' own `__init__` looks each slot up by its name: that is 0.3 of the 2 µs that
# opening an envelope takes. A new field fails here, at import.
_new = object.__new__
(
    _set_key, _set_stamp, _set_tags, _set_names, _set_loaded_at,
    _set_cost, _set_soft, _set_stale_until, _set_error_until, _set_failed,
) = (getattr(Facts, each.name).__set__ for each in fields(Facts))  # fmt: skip


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@lru_cache(maxsize=4096)  # a hot entry's names are read again and again
def _names(data: bytes) -> tuple[str, ...]:
    return tuple(str(name, "utf-8", "surrogatepass") for name in data.split(_NAME)[1:])

"""Envelopes of one declared type to values, with everything that depends on the type looked up once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from struct import error as StructError  # noqa: N812
from typing import TYPE_CHECKING, Any
from zlib import crc32

from afresh.codecs.envelope import (
    CHECKSUM,
    COMPRESSED,
    ENCRYPTED,
    FAILED,
    PINNED,
    RESIDUE,
    TAGS,
    Unreadable,
    facts_of,
    fixed_part,
    payload_at,
)
from afresh.codecs.glance import Glance, beginning, glance
from afresh.codecs.opened import Damaged, Opened

if TYPE_CHECKING:
    from afresh.codecs.base import Codec
    from afresh.codecs.compress import Compression
    from afresh.codecs.encrypt import Encryption

_WRAPPED = COMPRESSED | ENCRYPTED
_SPECIAL = FAILED | PINNED
_UNUSUAL = FAILED | _WRAPPED


class Opener:
    """Opens the envelopes of one type. Whatever the bytes are, nothing is raised, and nothing of theirs is run."""

    __slots__ = (
        "_begins",
        "_codec",
        "_compression",
        "_decode",
        "_digest",
        "_encryption",
        "_negative",
        "_number",
        "_plain",
    )

    def __init__(
        self,
        codec: Codec,
        compression: Compression | None,
        encryption: Encryption | None,
        declared: Any,
        negative: tuple[type[Exception], ...],
    ) -> None:
        self._codec = codec
        self._number = codec.number
        self._digest = codec.digest(declared)
        self._decode = _decoder(codec, declared)
        self._compression = compression
        self._encryption = encryption
        self._negative = negative
        self._begins = beginning(codec.number)
        self._plain = encryption is None

    def __call__(self, data: bytes, key: str) -> Opened | Damaged:
        """Open the envelope that was stored under a key."""
        try:
            fixed = fixed_part(data, key)
            if fixed[2] != self._number:
                return Damaged(f"it was written by codec {fixed[2]}, not by {self._codec.name}")
            if fixed[8] != self._digest:
                return Damaged("it was written for another type, or for an older shape of it")
            value = self._value(data, key, fixed[3], payload_at(fixed))
            facts = facts_of(data, key, fixed)
        except Unreadable as error:
            return Damaged(str(error))
        except Exception as error:
            return Damaged(_reason(error))
        return _opened((value, facts, fixed[6], fixed[3] & PINNED != 0))

    def glance(self, data: bytes, key: str, unless: int = _SPECIAL) -> Glance | None:
        """What a hit looks at, of an envelope that holds a loaded value of this type; else `None`.

        Args:
            data: The envelope.
            key: What it is stored under.
            unless: With any of these flags it is none; by default those of values that were not loaded.
        """
        try:
            seen: Glance = glance(data)
            checksum = crc32(data, crc32(key.encode()))
        except (StructError, UnicodeEncodeError):
            return None
        if (
            seen[0] != self._begins
            or checksum != RESIDUE
            or seen[1] & unless
            or seen[6] != self._digest
            or TAGS + 8 * seen[2] + seen[3] > len(data) - CHECKSUM
        ):
            return None
        return seen

    def value(self, data: bytes, key: str, seen: Glance) -> Any:
        """The value of such an envelope, or `Damaged`."""
        try:
            begin, flags = TAGS + 8 * seen[2] + seen[3], seen[1]
            if self._plain and not flags & _UNUSUAL:
                return self._decode(data[begin:-CHECKSUM], key)
            return self._value(data, key, flags, begin)
        except Exception as error:
            return Damaged(_reason(error))

    def _value(self, data: bytes, key: str, flags: int, begin: int) -> Any:
        payload = data[begin:-CHECKSUM]
        if flags & _WRAPPED or self._encryption is not None:
            payload = self._unwrapped(payload, flags, context(data[:begin], key))
        if flags & FAILED:
            from afresh.codecs.failures import decode_failure

            return decode_failure(payload, self._negative)
        return self._decode(payload, key)

    def _unwrapped(self, payload: bytes, flags: int, around: bytes) -> bytes:
        """The payload, decrypted and decompressed."""
        if self._encryption is not None:
            if not flags & ENCRYPTED:
                raise Unreadable("it is not encrypted")
            payload = self._encryption.decrypt(payload, around)
        elif flags & ENCRYPTED:
            raise Unreadable("it is encrypted, and no key was given")
        if flags & COMPRESSED:
            if self._compression is None:
                raise Unreadable("it is compressed, and no compression was set up")
            payload = self._compression.decompress(payload)
        return payload


_opened = partial(tuple.__new__, Opened)  # half the time of `Opened(…)`


def context(front: bytes, key: str) -> bytes:
    """What an encrypted payload is bound to."""
    return front + key.encode("utf-8", "surrogatepass")


def _decoder(codec: Codec, declared: Any) -> Callable[[bytes, str], Any]:
    """`codec.decode` for one type; a codec may have a quicker one."""
    quicker: Callable[[Any], Callable[[bytes, str], Any]] | None = getattr(codec, "decoder", None)
    if quicker is not None:
        return quicker(declared)
    return lambda payload, key: codec.decode(payload, declared, key)


def _reason(error: Exception) -> str:
    try:
        return f"{error.__class__.__name__}: {error}"
    except Exception:
        return error.__class__.__name__

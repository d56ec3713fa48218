"""How a key of any bytes stands in a protocol that carries 250 printable ones.

A key that can stand as it is stands as it is, so that people and other clients find it. Other bytes
travel as base64, which the server undoes. What is too long becomes its beginning and a digest.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from functools import lru_cache
from hashlib import blake2b

LONGEST = 250
_LONGEST_BINARY = LONGEST // 4 * 3  # base64 writes four characters for three bytes
_PREFIX = 150
_DIGEST = 20  # bytes: 160 bits

_plain = re.compile(rb"[\x21-\x7e\x80-\xff]{1,250}").fullmatch
_unprintable = re.compile(rb"[^\x21-\x7e]")
_digested = re.compile(rb".{0,150}~[0-9a-f]{40}", re.DOTALL).fullmatch


@lru_cache(4096)
def on_the_wire(key: bytes) -> tuple[bytes, bytes]:
    """A key as it is sent, and the flag that goes with it (`b" b"` for base64, else nothing).

    Two keys never become the same: a short one that looks like a digest is digested too.
    """
    if _plain(key) is not None:
        return (key, b"") if _digested(key) is None else (_digest(key), b"")
    if 0 < len(key) <= _LONGEST_BINARY:
        return b2a_base64(key, newline=False), b" b"
    return _digest(key), b""


def _digest(key: bytes) -> bytes:
    beginning = _unprintable.sub(b"_", key[:_PREFIX])
    return beginning + b"~" + blake2b(key, digest_size=_DIGEST).hexdigest().encode()

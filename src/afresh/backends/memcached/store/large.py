"""Values that are larger than a server's items may be: divided into chunks, and put together again.

The key itself holds a *head*: a magic word, a random id, sizes and a digest. The chunks stand under
keys made of that id, on the same server. An id is used for one write only, so two writers never mix;
what is evicted, or damaged, makes a value that does not agree with its head, and that is a miss.
Chunks of a value that was written over are nobody's, and leave by their `ttl` or by eviction.

A value that happens to begin with the magic word is divided too: what is read as a head is one.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from afresh.backends.memcached.client import Request, Response

MAGIC = b"\x00afresh/chunks\x01"
LARGEST = 1 << 30
_FORM = struct.Struct(">16sQI16s")  # id, bytes of the value, bytes of a chunk, digest


class Head(NamedTuple):
    """What a key holds instead of a value.

    Attributes:
        id: Of this write.
        size: Bytes of the value.
        chunk: Bytes of each chunk but the last.
        digest: Of the value.
    """

    id: bytes
    size: int
    chunk: int
    digest: bytes

    @property
    def keys(self) -> list[bytes]:
        """The keys of the chunks, in order."""
        name = self.id.hex().encode()
        return [b"~chunk:%b:%d" % (name, number) for number in range(-(-self.size // self.chunk))]


def is_large(request: Request, largest: int) -> bool:
    """Whether a request writes a value that has to be divided. Additions to a value can't be."""
    value = request.value
    return request.command == "ms" and value is not None and (len(value) > largest or value.startswith(MAGIC))


def is_head(response: Response) -> bool:
    """Whether a head was read: its chunks are still to be read."""
    return response.value is not None and response.value.startswith(MAGIC)


def refusal(request: Request, largest: int, policy: str) -> str:
    """Why a large value is not written at all; empty if it is."""
    size = len(request.value or b"")
    if any(flag in {"MA", "MP", "Mappend", "Mprepend", "Ma", "Mp"} for flag in request.flags):
        return f"{size} bytes can't be added to a value: the server's items hold {largest}"
    if policy == "refuse" and size > largest:
        return f"a value of {size} bytes: the server's items hold {largest}; start it with a larger -I, or write large=split"
    return f"a value of {size} bytes: the limit is {LARGEST}" if size > LARGEST else ""


def divided(request: Request, largest: int, id: bytes, server: int) -> list[Request]:  # noqa: A002
    """The writes of the chunks, and last that of the head.

    Sent in this order on one connection, no reader sees a head before its chunks.
    """
    value = request.value or b""
    head = Head(id, len(value), largest, _digest(value))
    life = tuple(flag for flag in request.flags if flag[:1] == "T")
    chunks = [
        Request("ms", key, life, value[at * largest : (at + 1) * largest], server)
        for at, key in enumerate(head.keys)
    ]
    return [*chunks, request._replace(value=MAGIC + _FORM.pack(*head), server=server)]


def head_of(response: Response) -> Head | None:
    """The head, if that is what was read. One that can't be true is none."""
    value = response.value
    if value is None or not value.startswith(MAGIC):
        return None
    if len(value) != len(MAGIC) + _FORM.size:
        return _DAMAGED
    head = Head(*_FORM.unpack_from(value, len(MAGIC)))
    return head if head.chunk > 0 and head.size <= LARGEST and head.size // head.chunk < 1 << 20 else _DAMAGED


_DAMAGED = Head(b"", 0, 1, b"")
"""Agrees with no value."""


def reads(head: Head, request: Request, server: int) -> list[Request]:
    """The reads of the chunks. If the head's life was changed, so is theirs."""
    life = tuple(flag for flag in request.flags if flag[:1] == "T")
    return [Request("mg", key, ("v", *life), None, server) for key in head.keys]


def together(head: Head, response: Response, chunks: Sequence[Response]) -> Response:
    """The answer with its value; a miss with the head's flags if a chunk is missing or another's."""
    value = b"".join([chunk.value or b"" for chunk in chunks])
    if len(value) != head.size or _digest(value) != head.digest:
        return Response("EN", response.flags)
    return response._replace(value=value)


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=16).digest()

"""Where each request of a connection ends. Strictly: see `head`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from afresh.http.serve.head import HEAD_LIMIT, Head, Malformed, parse

_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e]*)?")
_CHUNK_LINE_LIMIT = 1_024
_TRAILERS_LIMIT = 8_192
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*")


class _State(Enum):
    HEAD = 0
    BODY = 1  # `left` bytes of it
    SIZE = 2
    CHUNK = 3  # `left` bytes of it
    CHUNK_END = 4
    TRAILERS = 5


class Piece(NamedTuple):
    """Some bytes of a request, as they came.

    Attributes:
        raw: The bytes.
        head: What they say, if they are a head.
        last: The request ends with them.
    """

    raw: bytes
    head: Head | None
    last: bool


class Framer:
    """Takes the bytes of a connection apart.

    Attributes:
        heads: So many have come.
    """

    __slots__ = ("_buffer", "_left", "_state", "heads")

    def __init__(self) -> None:
        self.heads = 0
        self._buffer = bytearray()
        self._state = _State.HEAD
        self._left = 0

    @property
    def between(self) -> bool:
        """Whether the last request has ended and the next has not begun."""
        return self._state is _State.HEAD and not self._buffer

    @property
    def begun(self) -> int | None:
        """The number of the head of which a part is there; `None` where there is none."""
        return self.heads if self._state is _State.HEAD and self._buffer else None

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The pieces that end with these bytes.

        Raises:
            Malformed: What comes is no request, or could be read in two ways. Nothing more may be fed.
        """
        self._buffer += data
        while (piece := self._next()) is not None:
            yield piece

    def rest(self) -> bytes:
        """What is left, for another protocol."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def _next(self) -> Piece | None:
        state = self._state
        if state is _State.HEAD:
            return self._head()
        if not self._buffer:
            return None
        if state is _State.BODY:
            return self._counted(_State.HEAD)
        if state is _State.CHUNK:
            return self._counted(_State.CHUNK_END)
        return self._line()

    def _head(self) -> Piece | None:
        buffer = self._buffer
        if buffer.startswith(b"\r\n"):  # RFC 9112 §2.2: an empty line before a request is none
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n", 0, HEAD_LIMIT)
        if end < 0:
            if len(buffer) >= HEAD_LIMIT:
                raise Malformed("the head is too long", 431)
            if re.search(rb"(?<!\r)\n", buffer) or re.search(rb"\r(?!\n|\Z)", buffer):
                raise Malformed("a line ends with half a line end")
            return None
        raw = bytes(buffer[: end + 4])
        head = parse(raw)
        self.heads += 1
        del buffer[: end + 4]
        if head.length is None:
            self._state = _State.SIZE
        elif head.length:
            self._state, self._left = _State.BODY, head.length
        return Piece(raw, head, self._state is _State.HEAD)

    def _counted(self, after: _State) -> Piece:
        raw = bytes(self._buffer[: self._left])
        del self._buffer[: len(raw)]
        self._left -= len(raw)
        if not self._left:
            self._state = after
        return Piece(raw, None, self._state is _State.HEAD)

    def _line(self) -> Piece | None:
        buffer = self._buffer
        limit = _TRAILERS_LIMIT if self._state is _State.TRAILERS else _CHUNK_LINE_LIMIT
        end = buffer.find(b"\n", 0, limit)
        if end < 0:
            if len(buffer) >= limit:
                raise Malformed("a line of a chunk is too long")
            return None
        raw = bytes(buffer[: end + 1])
        if not raw.endswith(b"\r\n") or b"\r" in raw[:-2]:
            raise Malformed("a line ends with half a line end")
        self._follow(raw[:-2])
        del buffer[: len(raw)]
        return Piece(raw, None, self._state is _State.HEAD)

    def _follow(self, line: bytes) -> None:
        if self._state is _State.CHUNK_END:
            if line:
                raise Malformed("a chunk is longer than it says")
            self._state = _State.SIZE
        elif self._state is _State.SIZE:
            found = _CHUNK.fullmatch(line)
            if found is None:
                raise Malformed("the size of a chunk is none")
            self._left = int(found[1], 16)
            self._state = _State.CHUNK if self._left else _State.TRAILERS
        elif not line:
            self._state = _State.HEAD
        elif not _TRAILER.fullmatch(line):
            raise Malformed("a trailer is no field")

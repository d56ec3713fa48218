"""The content of an answer, collected while it is sent; too much of it is let go."""

from __future__ import annotations


class Collector:
    """Pieces of content, up to a limit.

    Attributes:
        overflowed: There was more than the limit: nothing is kept.
    """

    __slots__ = ("_length", "_most", "_pieces", "overflowed")

    def __init__(self, most: int) -> None:
        self._most = most
        self._pieces: list[bytes] = []
        self._length = 0
        self.overflowed = False

    def add(self, piece: bytes) -> bool:
        """Keep a piece; says `False` when that makes too many."""
        if not piece or self.overflowed:
            return not self.overflowed
        self._length += len(piece)
        if self._length > self._most:
            self.overflowed = True
            self._pieces.clear()
            return False
        self._pieces.append(bytes(piece))
        return True

    def whole(self) -> bytes:
        """All of it."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

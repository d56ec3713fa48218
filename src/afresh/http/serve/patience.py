"""How long a client may take: one that sends a head byte by byte, or doesn't read, has a connection for ever."""

from __future__ import annotations

UNREAD = 60.0  # seconds in which a client may read nothing of what waits for it


class Patience:
    """What is known of one client, from one look at its connection to the next."""

    __slots__ = ("_head", "_since", "_unsent")

    def __init__(self) -> None:
        self._head: int | None = None
        self._unsent = 0
        self._since = 0.0

    def late(self, head: int | None) -> bool:
        """Whether a head that had begun at the last look isn't whole yet.

        Args:
            head: The number of the head that has begun, on this connection; `None`: none has.
        """
        before, self._head = self._head, head
        return head is not None and head == before

    def unread(self, now: float, unsent: int) -> bool:
        """Whether a client has read nothing for too long.

        Args:
            now: Seconds, by any clock.
            unsent: Bytes that wait for it.
        """
        if not unsent or unsent != self._unsent:
            self._unsent, self._since = unsent, now
        return unsent > 0 and now - self._since >= UNREAD

    def reads(self) -> None:
        """A client has read, whatever waits for it by now."""
        self._unsent = 0

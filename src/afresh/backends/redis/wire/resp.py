"""Commands to bytes and bytes to answers; hiredis does both in C."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hiredis import ProtocolError, PushNotification, Reader, pack_command

from afresh.backends.redis.client import Argument, ErrorReply
from afresh.errors import BackendError

__all__ = ["NOTHING_YET", "ProtocolError", "PushNotification", "checked", "new_reader", "pack", "pack_many"]

pack: Callable[[tuple[Argument, ...]], bytes] = pack_command  # type: ignore[assignment]  # its own type is that of one argument
"""One command on the wire."""

NOTHING_YET: Any = object()
"""The reader has no whole answer."""


def new_reader() -> Reader:
    """A reader of answers as bytes; error replies come out as `ErrorReply` objects, not raised."""
    return Reader(replyError=ErrorReply, notEnoughData=NOTHING_YET)


def pack_many(commands: Sequence[tuple[Argument, ...]]) -> bytes:
    """Several commands on the wire."""
    return b"".join([pack(command) for command in commands])


def checked(reply: Any) -> Any:
    """An answer; an error that stands in an answer's place is raised.

    Raises:
        ErrorReply: The server refused.
        BackendError: The server was not reached.
    """
    if isinstance(reply, BackendError):
        raise reply
    return reply

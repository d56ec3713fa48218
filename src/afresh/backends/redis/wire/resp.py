"""Commands to bytes and bytes to answers; hiredis does both in C."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hiredis import ProtocolError, PushNotification, Reader, ReplyError, pack_command

from afresh.backends.redis.client import Argument, ErrorReply
from afresh.errors import BackendError

__all__ = ["NOTHING_YET", "ProtocolError", "PushNotification", "checked", "new_reader", "pack", "pack_many"]

_pack: Callable[[tuple[Argument, ...]], bytes] = pack_command  # type: ignore[assignment]  # its own type is that of one argument

NOTHING_YET: Any = object()
"""The reader has no whole answer."""


def new_reader() -> Reader:
    """A reader of answers as bytes; error replies come out as objects, not raised."""
    return Reader(notEnoughData=NOTHING_YET)


def pack(command: Sequence[Argument]) -> bytes:
    """One command on the wire."""
    return _pack(tuple(command))


def pack_many(commands: Sequence[Sequence[Argument]]) -> bytes:
    """Several commands on the wire."""
    return b"".join([_pack(tuple(command)) for command in commands])


def checked(reply: Any) -> Any:
    """An answer; an error reply (a reader's, or one that stands in an answer's place) is raised.

    Raises:
        ErrorReply: The server refused.
        BackendError: The server was not reached.
    """
    if isinstance(reply, ReplyError):
        raise ErrorReply(str(reply))
    if isinstance(reply, BackendError):
        raise reply
    return reply


def in_place(reply: Any) -> Any:
    """An answer in a list of answers: error replies become `ErrorReply` objects."""
    return ErrorReply(str(reply)) if isinstance(reply, ReplyError) else reply

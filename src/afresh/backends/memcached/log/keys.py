"""The items of one log on its server, and the commands on them.

========================  =========================================================================
key                       item
========================  =========================================================================
`…:epoch`                 the identity of the log's life, in hexadecimal: what is not of it is over
`…:<epoch>:at`            the counter of numbers
`…:<epoch>:intents`       the intents that stand (see `log_intents`)
`…:<epoch>:<number>`      the record whose first number this is
========================  =========================================================================

All lie on one server, which the name of the log chooses, and never on another: a log that moved
would be two. Whatever belongs to a life has it in its key, so nothing of a former one is ever found.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from afresh.backends.memcached.client import Client, Request, Response
from afresh.errors import BackendError

RECORD_TTL = 120
"""Seconds that a record is kept: a copy that is further behind is loaded anew."""


class Ask(Protocol):
    """Sends commands to the log's server and returns the answers, none of which is a failure."""

    def __call__(self, *requests: Request) -> Awaitable[list[Response]]:
        """Raises `BackendError` when the server, or the way to it, failed."""


class Commands:
    """Commands on the items of one log.

    Attributes:
        server: Index of the server that has them.
    """

    def __init__(self, client: Client, name: str) -> None:
        self._prefix = f"afresh:log:{name}:".encode()
        self._epoch = self._prefix + b"epoch"
        self.server = client.server_of(self._epoch)

    def read_epoch(self) -> Request:
        """Which life is it? With the item's number for compare-and-set."""
        return Request("mg", self._epoch, ("v", "c"), server=self.server)

    def write_epoch(self, epoch: int, cas: str | None) -> Request:
        """Begin a life, if none has begun since `cas` was read (`None`: there was none)."""
        guard = "ME" if cas is None else f"C{cas}"
        return Request("ms", self._epoch, (guard, "T0"), b"%x" % epoch, self.server)

    def read_counter(self, epoch: int) -> Request:
        """Where does the log stand?"""
        return Request("mg", self._of(epoch, b"at"), ("v",), server=self.server)

    def add_counter(self, epoch: int, start: int) -> Request:
        """Make the counter of a new life."""
        return Request("ms", self._of(epoch, b"at"), ("ME", "T0"), b"%d" % start, self.server)

    def take(self, epoch: int, count: int) -> Request:
        """Take numbers; none of a counter that is not there."""
        return Request("ma", self._of(epoch, b"at"), ("v", f"D{count}"), server=self.server)

    def read_intents(self, epoch: int, *, whole: bool = True) -> Request:
        """Which intents stand? Not `whole`: only remind the server that the item is in use."""
        return Request("mg", self._of(epoch, b"intents"), ("v", "c") if whole else (), server=self.server)

    def write_intents(self, epoch: int, value: bytes, cas: str | None) -> Request:
        """Replace the item, if nobody has since `cas` was read (`None`: there must be none)."""
        guard = "ME" if cas is None else f"C{cas}"
        return Request("ms", self._of(epoch, b"intents"), (guard, "T0"), value, self.server)

    def read_record(self, epoch: int, number: int) -> Request:
        """The record that begins with a number."""
        return Request("mg", self._of(epoch, b"%d" % number), ("v",), server=self.server)

    def add_record(self, epoch: int, number: int, value: bytes) -> Request:
        """Write a record where none is: what is written once stays as it is."""
        flags = ("ME", f"T{RECORD_TTL}")
        return Request("ms", self._of(epoch, b"%d" % number), flags, value, self.server)

    def drop(self, epoch: int) -> list[Request]:
        """Forget the items of a life that did not begin."""
        return [Request("md", self._of(epoch, item), server=self.server) for item in (b"at", b"intents")]

    def _of(self, epoch: int, item: bytes) -> bytes:
        return b"%b%x:%b" % (self._prefix, epoch, item)


def checked(replies: Sequence[Response]) -> list[Response]:
    """The answers, unless one is a failure.

    Raises:
        BackendError: One is.
    """
    for reply in replies:
        if reply.error:
            raise BackendError(f"the log's server failed: {reply.error}")
    return list(replies)


def number_of(reply: Response) -> int | None:
    """The number that an answer carries; `None` where there is no item."""
    if reply.status != "VA" or reply.value is None:
        return None
    try:
        return int(reply.value)
    except ValueError:
        return None


def epoch_of(reply: Response) -> int | None:
    """The life that an answer names; `None` where there is none."""
    if reply.status != "VA" or reply.value is None:
        return None
    try:
        return int(reply.value, 16)
    except ValueError:
        return None

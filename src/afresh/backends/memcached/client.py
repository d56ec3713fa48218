"""What the rest of this room asks of a connection to memcached servers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias


class Request(NamedTuple):
    """One meta command.

    Attributes:
        command: `mg`, `ms`, `md`, `ma`, `mn` or `me`.
        key: Any bytes; the client encodes or digests what the protocol can't carry.
        flags: Such as `v`, `c`, `N30`, `T60`, without spaces.
        value: Of `ms`.
        server: Index of the server that is asked whatever the key is; `None` for the one that the key's
            hash chooses.
    """

    command: str
    key: bytes
    flags: tuple[str, ...] = ()
    value: bytes | None = None
    server: int | None = None


class Response(NamedTuple):
    """One answer.

    Attributes:
        status: `HD`, `VA`, `EN`, `NF`, `NS`, `EX`, `MN`, or the first word of an error.
        flags: As they came back: `c123`, `W`, `X`, `Z`, `f5` …
        value: Of `VA`.
        error: What happened, where the server answered with an error, or the way to it failed. In the
            latter case status is empty.
    """

    status: str
    flags: tuple[str, ...] = ()
    value: bytes | None = None
    error: str = ""

    def flag(self, letter: str) -> str | None:
        """What follows a flag's letter; `None` where the flag did not come back."""
        return next((flag[1:] for flag in self.flags if flag[:1] == letter), None)


Reader: TypeAlias = Callable[[bytes, bytes], bytes | list[Response] | None]
"""Blocks for one value. It is given what `codec.plain_get` makes of the key, and the end of a line; or that
with another read after it, and behind the end of the line what this was answered the last time
(`codec.as_it_came`): where the answer is the same now, it isn't told.

Returns the value, or where there is none, or the other answer is a new one, the answers as they are; `None`
where `run` has to be asked. Raises `BackendError` when the server did not answer in time.
"""


class Client(Protocol):
    """Commands in both worlds (`runtime.world`); thread-safe, fork-safe, safe to use from any loop."""

    servers: tuple[str, ...]
    """Names of the servers, without secrets, in the order of the URL."""

    async def run(self, *requests: Request, timeout: float | None = None) -> list[Response]:
        """Send all, pipelined, each to its server; the answers in the same order.

        A server that fails gives its requests an `error`; the others are answered. A value over the size
        of an item is divided, or refused (an `error`), by the URL's `large`; one of which a part is gone
        is read as `EN`, with the flags that came.
        """

    async def one(self, request: Request, *, timeout: float | None = None) -> Response:
        """`run` for one request.

        Raises:
            BackendError: Its server failed, or answered with an error.
        """

    def readers(self) -> Sequence[Reader]:
        """The quick way to a value, by server."""

    async def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Values that are there (quiet `mg`, one pipeline for each server); others' failures are misses."""

    def submit(self, *requests: Request) -> None:
        """Send and don't care for the answers. Never suspends, never raises, hardly blocks."""

    def call(self, *requests: Request, timeout: float) -> list[Response]:
        """`run` for a thread of our own: always blocks."""

    def server_of(self, key: bytes) -> int:
        """Index of the server that holds a key."""

    def features(self, server: int) -> frozenset[str]:
        """What a server's version can: see `features`."""

    def look_after(self) -> None:
        """Housekeeping: probe what did not answer. May block a little."""

    def inspect(self) -> dict[str, object]:
        """Servers, their versions, and how their breakers stand."""

    def close(self) -> None:
        """Hang up everything. Safe to call twice."""

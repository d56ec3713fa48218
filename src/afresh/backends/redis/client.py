"""What the rest of this room asks of a connection to Redis, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from afresh.errors import BackendError

Argument: TypeAlias = bytes | str | int
Reply: TypeAlias = Any
"""`bytes`, `int`, `float`, `bool`, `None`, `list`, `dict` …, as RESP3 gives it. Strings are bytes."""


class ErrorReply(BackendError):
    """The server answered with an error.

    Attributes:
        code: Its first word: `OOM`, `READONLY`, `NOREPLICAS`, `NOSCRIPT`, `WRONGTYPE` …
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = message.partition(" ")[0]


class Script(NamedTuple):
    """Lua that runs on the server.

    Attributes:
        source: The text.
        digest: Its SHA-1, in hexadecimal: what `EVALSHA` wants.
        safe: Running it twice does what running it once does, so a lost answer may be asked for again.
    """

    source: str
    digest: str
    safe: bool = False


class Dedicated(Protocol):
    """A blocking connection of its own, for a thread that follows or listens. Not thread-safe."""

    def call(self, *command: Argument, timeout: float) -> Reply:
        """Send a command and wait for its answer.

        Raises:
            BackendError: No answer in time, or the connection broke: it can't be used any more.
            ErrorReply: The server refused.
        """

    def send(self, *command: Argument) -> None:
        """Send a command whose answer comes as a push, such as `SUBSCRIBE`. Thread-safe."""

    def receive(self, timeout: float) -> list[Any] | None:
        """The next push message, or `None` after `timeout` seconds."""

    def close(self) -> None:
        """Hang up; from another thread it ends a wait. Safe to call twice."""


class Client(Protocol):
    """Commands in both worlds (`runtime.world`); thread-safe, fork-safe, safe to use from any loop.

    All raise `BackendError` at once while the server's breaker is open. In a cluster `key` says which
    node is asked: by default the first argument after the command's name.
    """

    async def run(
        self, *command: Argument, key: Argument | None = None, timeout: float | None = None
    ) -> Reply:
        """One command, one answer. `timeout`: seconds; by default the URL's `timeout`."""

    def getter(self) -> Callable[[bytes], Reply] | None:
        """What sends a packed `GET` and blocks for its answer; `None` where there are several servers.

        An error is returned, not raised: `run` knows what to do with it.
        """

    def beginner(self) -> Callable[[bytes], Awaitable[Reply] | None] | None:
        """The same for event loops: it sends, and returns what brings the answer.

        It returns `None` where that takes more: there is no connection yet, or no event loop runs.
        Nothing is tried twice.
        """

    async def run_many(self, commands: Sequence[Sequence[Argument | Script]]) -> list[Reply]:
        """Several commands in one round trip for each node. An error is returned in its place, not raised.

        A command may begin with a `Script`: `(script, number of keys, *keys, *arguments)`. Each goes to
        the node of its first key. A node that can't be reached is a `BackendError` in place of each answer.
        """

    async def script(
        self,
        script: Script,
        keys: Sequence[Argument],
        arguments: Sequence[Argument] = (),
        *,
        timeout: float | None = None,
    ) -> Reply:
        """Run a script by its digest; one that the server has forgotten is loaded again. One round trip."""

    def submit(self, *command: Argument) -> None:
        """Send a command and don't care for the answer. Never suspends, never raises, hardly blocks."""

    def submit_script(
        self, script: Script, keys: Sequence[Argument], arguments: Sequence[Argument] = ()
    ) -> None:
        """The same for a script."""

    def dedicated(self, key: Argument | None = None) -> Dedicated:
        """A connection of its own to the node that has `key` (in a cluster), or to the server in office.

        Raises:
            BackendError: It can't be reached.
        """

    async def everywhere(self, *command: Argument) -> list[Reply]:
        """One command on each primary; the answers. An error is returned in its place, not raised."""

    def look_after(self) -> None:
        """Housekeeping: probe what did not answer, look where the primaries are. May block a little."""

    def inspect(self) -> dict[str, object]:
        """Where it is connected to, without secrets, and how its breakers stand."""

    def close(self) -> None:
        """Hang up everything. Safe to call twice."""

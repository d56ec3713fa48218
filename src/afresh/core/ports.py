"""What the engine asks of the rooms around it: a ledger, a store, leases, a runtime.

A backend brings the first three. What may wait for a server or for another process is a coroutine;
what is read on the way of every hit is a plain function over memory of this machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")


class Proof(NamedTuple):
    """That no tag of an entry was marked in `(since, at]`.

    Attributes:
        at: The position for which this is proven: read before anything else was looked at.
        held: A standing intent names one of the tags: the value may be used, but the proof must
            not be kept, and nothing may be filled (PROTOCOL §9.1).
    """

    at: int
    held: bool


class Ledger(Protocol):
    """The ordered log of invalidations, as one process sees it."""

    @property
    def epoch(self) -> int:
        """Random identity of this ledger's life. An entry of another epoch can't be trusted."""

    def position(self) -> int:
        """The last number that was given out, `g`."""

    def prove(self, tags: frozenset[int], since: int) -> Proof | None:
        """Show that none of `tags` was marked after `since`; `None` when one was, or may have been."""

    def blame(self, tags: frozenset[int], since: int) -> int | None:
        """The tag that `prove` failed for, where it can still be told."""

    async def confirm(self) -> int:
        """Make sure that every invalidation acknowledged anywhere before this call is seen here.

        Returns the position reached. One machine's own ledger is always there already.

        Raises:
            BackendError: The server that numbers the invalidations doesn't answer.
        """

    async def reach(self, position: int) -> None:
        """Catch up with at least `position`, which somebody else has seen, as far as that is possible now.

        Never raises: where it can't be reached, `prove` goes on refusing what is stamped after it.
        """

    async def announce(self, tags: Sequence[int]) -> int:
        """Mark `tags` as changed and return the number of the last one.

        When this returns, every reader of this ledger that starts later sees the marks.

        Raises:
            NotInvalidated: They could not be written.
        """

    async def intend(self, tags: Sequence[int], note: str = "") -> int:
        """Write that `tags` are about to change, and return the intent's number.

        Should this process die before `settle`, its tags are announced by whoever notices.
        """

    async def settle(self, intent: int, *, announce: bool) -> int:
        """Clear an intent, after announcing its tags if the change was made."""

    def close(self) -> None:
        """Give back what it holds open. Safe to call twice."""


class Store(Protocol):
    """Where envelopes (bytes) live outside this process, by key.

    Reading a key that is damaged or locked away is a miss. `stamp` orders fills: a fill never
    replaces what has a higher one. Times are seconds since 1970.
    """

    async def get(self, key: str) -> bytes | None:
        """The envelope, or `None`."""

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The envelopes that are there."""

    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        """Store the result of a load, unless a value with a higher stamp is there, or a later `put`.

        A value that was `put` at this stamp is later. Says whether it was stored, as far as is
        known at once: a store that writes in batches may find out later that it was not.
        """

    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        """Store a value that a caller set, whatever is there."""

    async def put_many(self, envelopes: Mapping[str, bytes], *, stamp: int, expires: float) -> None:
        """`put` for several keys."""

    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        """Compare and set: put `new` (`None`: delete) if the envelope is exactly `old`."""

    async def delete(self, key: str) -> bool:
        """Delete a key; says whether it was there."""

    async def delete_many(self, keys: Sequence[str]) -> int:
        """Delete keys; says how many were there."""

    async def clear(self, prefix: str) -> None:
        """Delete every key that begins with `prefix`."""

    async def flush(self) -> None:
        """When this returns, what was stored here before is visible to every other process."""

    def usage(self) -> Mapping[str, int]:
        """Counters for `stats()`: at least `entries` and `bytes`, as far as they are known."""

    def close(self) -> None:
        """Flush and give back what it holds open. Safe to call twice."""


class Unasked(Enum):
    """The type of `UNASKED`."""

    UNASKED = 0


UNASKED = Unasked.UNASKED
"""In place of an envelope: nobody has looked."""


class Lease(Protocol):
    """The right to load one key, among all processes. It ends with its holder's process.

    Attributes:
        found: The envelope that was there when the lease was taken, where the backend has told both
            in one round trip; `UNASKED` where the store has to be asked.
    """

    @property
    def found(self) -> bytes | Unasked | None:
        """See above."""

    def release(self) -> None:
        """Let the next one in. Never raises, and never suspends: it is also called by whoever is cancelled."""


class Leases(Protocol):
    """One load at a time for each key, across processes."""

    async def take(self, key: str, patience: float, runtime: Runtime) -> Lease | None:
        """Take the lease, waiting up to `patience` seconds (without polling) for its holder.

        Returns `None` when the holder took longer.
        """

    def close(self) -> None:
        """Give back what it holds open. Safe to call twice."""


class Waiter(Protocol):
    """A place to wait in, that another thread or task ends with `wake()`."""

    def wake(self) -> None:
        """End the wait; may be called from any thread, any number of times, before it or during it."""


class Runtime(Protocol):
    """The world in which the engine's coroutines run: threads, or an event loop.

    Under the sync runtime nothing ever suspends (it blocks instead), so a coroutine can be driven
    to its end by one `send(None)`.
    """

    def now(self) -> float:
        """Seconds since 1970 by a clock that counts suspended time and never steps back."""

    def random(self) -> float:
        """A number in [0, 1)."""

    def waiter(self) -> Waiter:
        """A new waiter of this world."""

    async def wait(self, waiter: Waiter, timeout: float) -> bool:  # noqa: ASYNC109  no asyncio here
        """Wait until it is woken (`True`) or `timeout` seconds have passed (`False`)."""

    async def call(self, function: Callable[[], T | Awaitable[T]]) -> T:
        """Run the user's loader where the user would expect it to run."""

    async def call_within(
        self,
        function: Callable[[], T | Awaitable[T]],
        timeout: float,  # noqa: ASYNC109
        late: Callable[[T | None, BaseException | None], None],
    ) -> T:
        """Run the loader for at most `timeout` seconds.

        Raises:
            LoadTimeout: It took longer. It runs on; `late(value, error)` is called when it ends.
        """

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Run a function that blocks, without blocking an event loop."""

    def spawn(self, job: Callable[[Runtime], Coroutine[Any, Any, Any]]) -> bool:
        """Run `job` in the background, in the same context; says `False` when there is no room."""

    def loop_thread(self) -> int | None:
        """The thread of the event loop that this world runs on; `None` for plain threads."""

    def lifeline(self) -> Callable[[], bool]:
        """Says, later and from any thread, whether the world that now runs still exists."""

    def on_loop_of(self, thread: int | None) -> bool:
        """Whether waiting here would stop the event loop of `thread`."""

"""Fail when a cache would have served what a fresh load doesn't give."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from afresh.core.events import Event, Kind
from afresh.engine.mode import Mode
from afresh.testing.mutation import caller
from afresh.testing.snapshot import difference, snapshot

if TYPE_CHECKING:
    from afresh import Cache
    from afresh.engine.engine import Engine

__all__ = ["Compared", "Stale", "StaleRead", "compared", "unlike"]

_NAMES = 12  # of tags that a message tells


@dataclass(frozen=True, slots=True)
class Stale:
    """A read that would have been answered with something else than what a load gives.

    Attributes:
        key: Its key.
        what: The first difference, from what is cached to what was loaded.
        reader: `file:line, in function` of who asked.
        depends_on: Names of the tags that the cached value depends on.
    """

    key: str
    what: str
    reader: str
    depends_on: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(self.depends_on[:_NAMES]) or "nothing"
        more = "" if len(self.depends_on) <= _NAMES else f" and {len(self.depends_on) - _NAMES} more"
        return f"{self.key}\n    value{self.what}\n    asked for by {self.reader}\n    it depends on {names}{more}"


class StaleRead(AssertionError):
    """A cached value was not what a fresh load gives: something changed, and nothing announced it.

    Attributes:
        reads: Which, and who asked.
    """

    def __init__(self, reads: tuple[Stale, ...]) -> None:
        self.reads = reads
        super().__init__(
            f"{len(reads)} read(s) would have been answered with what is not so any more "
            "(from what is cached to what was loaded):\n" + "\n".join(map(str, reads))
        )


class Compared:
    """What was found out about the reads of a cache.

    Attributes:
        reads: Those that would have been wrong.
        count: How many were compared.
    """

    def __init__(self, ignore: Collection[str]) -> None:
        self.reads: list[Stale] = []
        self.count = 0
        self._ignore = tuple(ignore)
        self._found = threading.local()  # an event follows in the same thread

    def same(self, served: object, loaded: object) -> bool:
        """Whether two values are alike in all that can be seen of them."""
        self.count += 1
        self._found.what = unlike(served, loaded)
        return self._found.what is None

    def heard(self, event: Event) -> None:
        """Something happened to the cache."""
        key = event.key.partition(":")[2]  # of any namespace
        if event.kind is Kind.MISMATCH and not key.startswith(self._ignore):
            self.reads.append(Stale(key, self._found.what, caller(), event.detail["names"]))

    def check(self) -> None:
        """Complain of what was found.

        Raises:
            StaleRead: A read would have been wrong.
        """
        if self.reads:
            raise StaleRead(tuple(self.reads))


@contextmanager
def compared(cache: Cache, *, ignore: Collection[str] = ()) -> Iterator[Compared]:
    """Within the block every cached read is loaded as well, and compared; callers get what was loaded.

    What is old on purpose (`stale_while_revalidate`, a remembered exception) is not compared.

    Args:
        cache: The cache, with all its pools.
        ignore: What keys begin with whose loads differ by nature: volatile columns, the time.

    Raises:
        StaleRead: At the end of the block: a read would have been wrong.
    """
    found = Compared(ignore)
    engines = {id(place.engine): place.engine for place in cache._opened.places()}
    with ExitStack() as stack:
        stack.callback(cache.listen(found.heard))
        for engine in engines.values():
            stack.enter_context(_shadowed(engine, found.same))
        yield found
    found.check()


@contextmanager
def _shadowed(engine: Engine, same: Callable[[object, object], bool]) -> Iterator[None]:
    mode, equal = engine.mode, engine.same
    engine.same = same
    engine.adopt(Mode("shadow"))
    try:
        yield
    finally:
        engine.same = equal
        engine.adopt(mode)


def unlike(served: object, loaded: object) -> str | None:
    """Where two values differ first, in words; `None` if they don't.

    Not by `==`: to a Django model all rows of one key are equal.
    """
    return difference(snapshot(served, identity=False), snapshot(loaded, identity=False))

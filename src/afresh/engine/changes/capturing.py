"""The caches of this process that take captured writes: what is written to a database is announced in all of them.

A write is captured where it happens, at the database's connection, which belongs to no cache. So it
goes to every ledger that is open here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from afresh.core.ports import Ledger
from afresh.engine.asking.tracker import same_ledger
from afresh.runtime.living import Living

if TYPE_CHECKING:
    from afresh.engine.engine import Engine

_engines: Living[Engine] = Living()
_owed: list[Callable[[], object]] = []


def take_captured_writes(engine: Engine) -> None:
    """Have the writes that are captured from now on announced in this cache's ledger."""
    _engines.add(engine)


def open_before_writes(opener: Callable[[], object]) -> None:
    """Have a cache opened when the first write is captured.

    Other processes read from it: one that only writes (a shell, a command, a task) has to tell it, too.

    Args:
        opener: Opens it; is called again if it raises, and may be called by several threads at once.
    """
    _owed.append(opener)


def _open_what_is_owed() -> None:
    for opener in list(_owed):
        opener()
        with suppress(ValueError):  # another thread was quicker
            _owed.remove(opener)


def takes_captured_writes(engine: Engine) -> bool:
    """Whether captured writes reach this cache: it takes them itself, or shares the ledger of one that does."""
    return hears_captured_writes(engine.ledger)


def hears_captured_writes(ledger: Ledger) -> bool:
    """Whether captured writes are announced in this ledger."""
    return any(same_ledger(ledger, each.ledger) for each in engines())


def engines() -> list[Engine]:
    """Those that are open."""
    return [engine for engine in _engines.all() if not engine.closed]


def by_ledger(given: Iterable[Engine] | None = None) -> Iterator[list[Engine]]:
    """Those that are open, or the `given` ones: whose invalidations are numbered alike stand together."""
    if given is None:
        _open_what_is_owed()
    groups: list[list[Engine]] = []
    for engine in engines() if given is None else given:
        for group in groups:
            if same_ledger(group[0].ledger, engine.ledger):
                group.append(engine)
                break
        else:
            groups.append([engine])
    yield from groups

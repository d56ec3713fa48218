"""What Django's cache API promises whatever else goes on: a value lives as long as it was told to.

A loader's reads are dependencies elsewhere in this package, and a transaction that has written is read
through. For `get_or_set` neither holds, unless it is asked for: its callers name a time, and may rely
on getting the same value again (a token, a lock's owner) also where a transaction is open.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from afresh.engine.asking import tracker
from afresh.engine.asking.contexts import leave
from afresh.engine.changes import transaction
from afresh.engine.engine import Engine


@contextmanager
def at_once(engine: Engine, keys: Iterable[str] = ()) -> Iterator[None]:
    """Have what is announced within this block take effect now, and not at the end of a transaction.

    At its end it is announced once more: whoever loads one of the `keys` before that reads the old
    state of the database.
    """
    if transaction.current.get() is None:
        yield
        return
    unfinished = list(transaction.open_ones(engine))
    token = transaction.current.set(None)
    try:
        yield
    finally:
        leave(transaction.current, token)
        names = [engine.names.of_user_key(key) for key in keys]
        for each in unfinished:
            each.writes(names)


def apart(engine: Engine, loader: Callable[[], Any]) -> Callable[[], Any]:
    """A loader whose reads are no dependencies, and which sees the transaction that is open here."""
    unfinished = transaction.current.get()

    @contextmanager
    def aside() -> Iterator[None]:
        # A collector that nobody asks. It stands in the chain, so that who waits for whom stays known.
        collector = tracker.Tracker(engine.ledger, 0, tracker.asking(), loading=True)
        tokens = tracker.current.set(collector), transaction.current.set(unfinished)
        try:
            yield
        finally:
            collector.ended = True
            leave(tracker.current, tokens[0])
            leave(transaction.current, tokens[1])

    def load() -> Any:
        with aside():
            return loader()

    async def load_async() -> Any:
        with aside():
            return await loader()

    return load_async if inspect.iscoroutinefunction(loader) else load

"""Announce that something changed."""

from __future__ import annotations

from collections.abc import Sequence

from afresh.core.events import Event, Kind
from afresh.core.tags import Dependency, Key, hashed
from afresh.engine import transaction
from afresh.engine.engine import Engine
from afresh.engine.names import marked_names
from afresh.errors import BackendError, NotInvalidated


async def invalidate(engine: Engine, dependencies: Sequence[Dependency]) -> None:
    """Drop what depends on these, in every process; inside a transaction, at its commit.

    Raises:
        NotInvalidated: It could not be written: readers may still get the old values.
    """
    keys = [
        each.key
        for each in dependencies
        if isinstance(each, Key) and each.namespace in {"", engine.namespace}
    ]
    for key in keys:
        await _forget(engine, key)
    await mark(engine, marked_names(dependencies, engine.namespace))


async def mark(engine: Engine, names: Sequence[str]) -> None:
    """Mark tags by name; inside a transaction, at its commit.

    Raises:
        NotInvalidated: See `invalidate`.
        CacheClosed: The cache was closed.
    """
    engine.check_open()
    if not names:
        return
    pending = transaction.open_on(engine)
    if pending is not None:
        pending.writes(names)
        return
    await engine.ledger.announce([hashed(name) for name in names])
    engine.counters.invalidations += len(names)
    if engine.events:
        engine.events.emit(Event(Kind.INVALIDATE, "ledger", detail={"names": tuple(names)}))


async def clear(engine: Engine) -> None:
    """Drop everything of this namespace, in every process.

    Raises:
        NotInvalidated: See `invalidate`.
        BackendError: The store could not be cleared.
    """
    if engine.l1 is not None:
        engine.l1.clear()
    if engine.store is not None:
        await engine.store.clear(engine.names.full(""))
    await mark(engine, [engine.names.everything])


async def _forget(engine: Engine, key: str) -> None:
    """A value that was set by hand carries no tag of its own key: it is removed instead."""
    entry = engine.values.space.get(key)
    if entry is not None and engine.l1 is not None:
        engine.l1.discard(entry)
    if engine.store is not None:
        try:
            await engine.store.delete(engine.names.full(key))
        except BackendError as error:
            raise NotInvalidated(f"{key!r} could not be removed from the store: {error}") from error

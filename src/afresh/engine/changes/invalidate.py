"""Announce that something changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from afresh.core.tags import Dependency, Key, hashed
from afresh.engine.changes import transaction
from afresh.engine.engine import Engine
from afresh.engine.names import marked_names
from afresh.errors import BackendError, NotInvalidated


async def invalidate(
    engine: Engine,
    dependencies: Sequence[Dependency],
    engine_of: Callable[[str], Engine] | None = None,
    *,
    source: str = "",
) -> None:
    """Drop what depends on these, in every process; inside a transaction, at its commit.

    Args:
        engine: Any of the engines of this ledger.
        dependencies: What changed.
        engine_of: The engine that has a key's value, where there are several.
        source: Who says so; see `Step`.

    Raises:
        NotInvalidated: It could not be written: readers may still get the old values.
    """
    names = marked_names(dependencies, engine.names)
    engine.check_open()
    trouble: BackendError | None = None
    try:
        for each in dependencies:
            if isinstance(each, Key) and each.namespace in {"", engine.names.namespace}:
                await _forget(engine if engine_of is None else engine_of(each.key), each.key)
    except BackendError as error:
        trouble = error
    # Last, so that nobody makes something from a value that is removed next; and in any case.
    await mark(engine, names, source)
    if trouble is not None:
        raise NotInvalidated(f"a value that was set by hand is still in the store: {trouble}") from trouble


async def mark(engine: Engine, names: Sequence[str], source: str = "") -> int | None:
    """Mark tags by name; inside a transaction, at its commit.

    Returns:
        The number of the last one; `None` where nothing is marked now.

    Raises:
        NotInvalidated: See `invalidate`.
        CacheClosed: The cache was closed.
    """
    engine.check_open()
    engine.awake()  # housekeeping finds a server that comes back, also where nobody reads
    if not names:
        return None
    later = [pending.writes(names) for pending in transaction.open_ones(engine)]
    if any(later):
        return None
    last = await engine.ledger.announce([hashed(name) for name in names])
    engine.announced(names, source)
    return last


async def clear(engine: Engine) -> None:
    """Drop everything of this namespace, in every process.

    Raises:
        NotInvalidated: See `invalidate`.
        BackendError: The store could not be cleared; what was loaded is dropped all the same.
    """
    engine.check_open()
    if engine.l1 is not None:
        engine.l1.clear()
    try:
        if engine.store is not None:
            await engine.store.clear(engine.names.full(""))
    finally:
        await mark(engine, [engine.names.everything])


async def _forget(engine: Engine, key: str) -> None:
    """A value that was set by hand carries no tag of its own key: it is removed instead."""
    entry = engine.values.space.get(key)
    if entry is not None and engine.l1 is not None:
        engine.l1.discard(entry)
    if engine.store is not None:
        await engine.store.delete(engine.names.full(key))

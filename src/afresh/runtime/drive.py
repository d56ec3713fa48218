"""Drive a coroutine of the engine to its end without an event loop."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from afresh.runtime.world import driving, running_loop

T = TypeVar("T")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends: under the sync runtime it blocks inside instead.

    Raises:
        RuntimeError: It suspended: something asynchronous was awaited in a synchronous world.
    """
    outer, driving.loop = driving.loop, running_loop()
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        driving.loop = outer
    coroutine.close()
    raise RuntimeError(
        "a synchronous call tried to suspend: an async loader needs cache.aio or an async function"
    )

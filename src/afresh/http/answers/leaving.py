"""Tasks that are left for after the answer: who leaves one is not kept, since hits would leave none."""

from __future__ import annotations

from typing import Any

from afresh.engine.asking.tracker import asking

_WHY = "it leaves a task for after the answer"


def notice(kind: Any) -> None:
    """Have it noticed when a task is made, by whoever loads something.

    Args:
        kind: A framework's class of such tasks.
    """
    plain = kind.__init__

    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        tracker = asking()
        if tracker is not None:
            tracker.refuse(_WHY)
        plain(self, *args, **kwargs)

    kind.__init__ = made

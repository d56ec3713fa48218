"""What a fragment shows that was read before it: a view loads a product, and a template shows its name.

Nothing is read then while the fragment is made, so nothing says when it is out of date. Whoever knows
the template says what it took from outside: rows that can be named, or anything. Anything is all that
was read so far in the request (which has to be seen: by the middleware, or within `cache.scope()`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from afresh.core.tags import Dependency
from afresh.engine.engine import Engine
from afresh.engine.names import carried_names
from afresh.engine.tracker import Tracker


class Outside(NamedTuple):
    """What was taken from outside.

    Attributes:
        rows: What can be named.
        names: Variables that may hold anything that was read.
    """

    rows: Sequence[Dependency] = ()
    names: Sequence[str] = ()


NOTHING = Outside()

_PLAIN = frozenset([str, int, float, bool, bytes, type(None), date, datetime, time, Decimal, UUID])


def in_the_key(value: object, vary: Sequence[object]) -> bool:
    """Whether a value is a plain one that a fragment varies on: another one is another fragment."""
    return type(value) in _PLAIN and any(type(each) is type(value) and each == value for each in vary)


def include(engine: Engine, tracker: Tracker, outside: Outside, *, aged: bool) -> None:
    """Make what was taken from outside a part of what a fragment depends on.

    Args:
        engine: Where the fragment is kept.
        tracker: Of its load.
        outside: What was taken.
        aged: It has a `ttl`: where nobody saw what was read before, that alone says when it is too old.
    """
    if not outside.rows and not outside.names:
        return
    around = _around(tracker)
    tracker.depends_on(engine.ledger, carried_names(outside.rows, engine.names))
    if around:
        # It was read when they had begun already, whenever that was.
        tracker.stamp = min(tracker.stamp, *(each.stamp for each in around))
        if outside.names:
            for each in around:
                tracker.merge(each, without=engine.names.full("fragment:"))
    elif not aged:
        shown = ", ".join(outside.names) or "an object"
        tracker.refuse(
            f"it shows what was read before it ({shown}) where nobody saw that: use the middleware, "
            "cache.scope(), or a ttl"
        )


def _around(tracker: Tracker) -> list[Tracker]:
    found, around = [], tracker.parent
    while around is not None:
        found.append(around)
        around = around.parent
    return found

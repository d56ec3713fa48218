"""What a fragment shows that was read before it: a view loads a product, and a template shows its name.

Nothing is read then while the fragment is made, so nothing says what it depends on, nor whose it is.
Whoever knows the template says what it took from outside:

* what the tag names, as what the fragment varies on. It depends on a row that can be named, or else on
  all that was read so far in the request (which has to be seen: by the middleware, or `cache.scope()`);
* anything else. It may be another thing on each page and for each visitor: so what was read of the
  request so far is in the key, and the page's address (not for what is the visitor's everywhere).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from afresh.core.tags import Dependency
from afresh.engine.asking.tracker import Tracker
from afresh.engine.engine import Engine
from afresh.engine.names import carried_names
from afresh.http.requests.reading import Part
from afresh.http.requests.visit import visiting


class Outside(NamedTuple):
    """What was taken from outside.

    Attributes:
        rows: Rows that can be named, of what the tag names.
        named: Other variables that the tag names, and
        shown: those that it doesn't.
        visitor: Variables that are the visitor's, the same for him on each page.
        address: The page's address was read.
        refused: Why nobody else can have it, whatever its key.
    """

    rows: Sequence[Dependency] = ()
    named: Sequence[str] = ()
    shown: Sequence[str] = ()
    visitor: Sequence[str] = ()
    address: bool = False
    refused: str = ""


NOTHING = Outside()

_PLAIN = frozenset([str, int, float, bool, bytes, type(None), date, datetime, time, Decimal, UUID])


def in_the_key(value: object, vary: Sequence[object]) -> bool:
    """Whether a value is a plain one that a fragment varies on: another one is another fragment."""
    return type(value) in _PLAIN and any(type(each) is type(value) and each == value for each in vary)


class Taking:
    """What was taken from outside becomes a part of what a fragment depends on.

    Args:
        engine: Where the fragment is kept.
        tracker: Of its load.
        part: What was read of the request for it.
        address: The page's address; `None` where there is none that tells pages apart.
        aged: It has a `ttl`: where nobody saw what was read before, that alone says when it is too old.
    """

    def __init__(
        self, engine: Engine, tracker: Tracker, part: Part, *, address: str | None, aged: bool
    ) -> None:
        self._engine = engine
        self._tracker = tracker
        self._part = part
        self._address = address
        self._aged = aged

    def take(self, outside: Outside) -> bool:
        """Take it; says whether the page's address is a part of the key."""
        self._tracker.refuse(outside.refused)
        if outside.rows or outside.named or outside.shown or outside.visitor:
            self._depend(outside)
        if outside.shown or outside.visitor:
            self._may_be_of_the_visitor()
        address = bool(outside.shown) or outside.address or self._part.address
        if address and self._address is None:
            shown = ", ".join(outside.shown) or "the address"
            self._tracker.refuse(
                f"it shows {shown}, and no address tells pages apart: name that in the tag, as what it varies on"
            )
            return False
        return address

    def _depend(self, outside: Outside) -> None:
        engine, tracker, around = self._engine, self._tracker, self._around()
        tracker.depends_on(engine.ledger, carried_names(outside.rows, engine.names))
        anything = (*outside.named, *outside.shown, *outside.visitor)
        if around:
            # It was read when they had begun already, whenever that was.
            tracker.stamp = min(tracker.stamp, *(each.stamp for each in around))
            if anything:
                for each in around:
                    tracker.merge(each, without=engine.names.full("fragment:"))
        elif not self._aged:
            tracker.refuse(
                f"it shows what was read before it ({', '.join(anything) or 'an object'}) where nobody saw "
                "that: use the middleware, cache.scope(), or a ttl"
            )

    def _may_be_of_the_visitor(self) -> None:
        """What was read of the request before may be in what it shows."""
        visit = visiting.get()
        if visit is not None and visit.reads is not None:
            self._part.headers |= visit.reads.headers
            self._part.others |= visit.reads.others
            self._part.refused = self._part.refused or visit.reads.refused

    def _around(self) -> list[Tracker]:
        found, around = [], self._tracker.parent
        while around is not None:
            found.append(around)
            around = around.parent
        return found

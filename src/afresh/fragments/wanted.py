"""What a template asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from afresh.core.durations import Duration
from afresh.fragments.outside import NOTHING, Outside
from afresh.places import GIVEN


def _nothing(name: str) -> str:
    raise LookupError(f"nothing fills the hole {name!r}")


class Wanted(NamedTuple):
    """A fragment, as a tag asks for it.

    Attributes:
        name: Its name.
        make: Renders it; under an event loop, perhaps something to be awaited.
        vary: What tells fragments of this name apart.
        version: Of the templates: another text is another fragment.
        ttl: How old it may be; `None` has no limit; by default, what the cache says.
        holes: Names of what differs per visitor, beside blocks that say so themselves.
        fill: What stands in a hole for this visitor, by its name. It is asked where the fragment is
            used, so a hole within another fragment becomes a hole of that one.
        outside: What it was made from that was read before it, asked when it is made.
        address: The page's address, host included; `None` where none tells pages apart.
    """

    name: str
    make: Callable[[], Any]
    vary: Sequence[object] = ()
    version: str = ""
    ttl: Duration | None = GIVEN
    holes: frozenset[str] = frozenset()
    fill: Callable[[str], Any] = _nothing
    outside: Callable[[], Outside] = lambda: NOTHING
    address: str | None = None


async def plain(value: Any) -> Any:
    """A value, awaited where it has to be."""
    return await value if inspect.isawaitable(value) else value

"""Places where others make changes that no ledger is told of at once: databases that other programs write to.

Somebody follows such a place, and announces what changed there a little later. A `strict` reader can't
wait for that: it has each place looked at before it reads, once for a scope. Any other reader relies on
who follows, and has a look taken only when none was for longer than the place allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Elsewhere(Protocol):
    """One such place, as readers see it."""

    def late(self) -> bool:
        """Whether nobody has looked for longer than it allows. Quick: hits may ask."""

    def unchanged(self) -> bool:
        """Whether all that was changed there is announced, if that can be seen at once; else `False`."""

    async def look(self) -> None:
        """When this returns, all that was changed there before the call is announced.

        Raises:
            BackendError: That isn't possible now: nothing that is stored can be relied on.
        """


def any_late(places: Iterable[Elsewhere]) -> bool:
    """Whether one of some places has to be looked at before anything stored is relied on."""
    return any(place.late() for place in places)

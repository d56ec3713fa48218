"""The values of django-redis' `HerdClient`: after their time one caller is told to make them anew, others get the old.

Which one is decided by the store, where they threw a die: there it could be none, or many. Nobody is
given `None` in place of a value.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Marker:
    """Stands in what `HerdClient` stored; a pickle of theirs is read with this class instead of theirs."""


class Herded(NamedTuple):
    """A value, and until when it is fresh, in seconds since 1970."""

    value: Any
    until: float


def herded(value: Any) -> Herded | None:
    """What `HerdClient` put around a value, if it did."""
    if isinstance(value, tuple) and len(value) == 3 and isinstance(value[0], Marker):
        return Herded(value[1], float(value[2]))
    return None

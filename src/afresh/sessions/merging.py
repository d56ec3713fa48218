"""Two requests of one session at once: each writes what it has changed, and keeps what the other has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Spell = Callable[[Any], str]
"""A value's text: what differs there was changed."""


class Change(NamedTuple):
    """What a request has changed.

    Attributes:
        put: New values, and
        removed: the names of those that are gone.
    """

    put: dict[str, Any]
    removed: frozenset[str]

    @classmethod
    def of(cls, before: Mapping[str, str], after: Mapping[str, Any], spell: Spell) -> Change:
        """Compare.

        Args:
            before: The spelled values of a session as it was read: a view may have changed them in place.
            after: The session as it is saved.
            spell: What `before` was spelled with.
        """
        put = {name: value for name, value in after.items() if before.get(name) != spell(value)}
        return cls(put, frozenset(before.keys() - after.keys()))

    def on(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """What a session holds after this change, whatever others have changed meanwhile."""
        kept = {name: value for name, value in content.items() if name not in self.removed}
        return {**kept, **self.put}

    def __bool__(self) -> bool:
        return bool(self.put or self.removed)


def spelled(content: Mapping[str, Any], spell: Spell) -> dict[str, str]:
    """The values of a session, to compare with later."""
    return {name: spell(value) for name, value in content.items()}

"""What a view may say of the page that it makes, while it makes it: its holes and its effects."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token

from afresh.engine.asking.contexts import leave
from afresh.http.effects import Noted, noting
from afresh.http.holes import Punch, punching
from afresh.http.options import Options

_NONE: Mapping[bytes, str] = {}


class Making:
    """One page in the making.

    Args:
        options: The settings for its path.
    """

    __slots__ = ("_noted", "_punch", "_unnoted", "_unpunched")

    def __init__(self, options: Options) -> None:
        self._punch = Punch(options.holes) if options.holes else None
        self._noted = Noted(frozenset(options.replay)) if options.replay else None
        self._unpunched: Token[Punch | None] | None = None
        self._unnoted: Token[Noted | None] | None = None

    def begin(self) -> None:
        """The view is about to be called, in this context."""
        if self._punch is not None:
            self._unpunched = punching.set(self._punch)
        if self._noted is not None:
            self._unnoted = noting.set(self._noted)

    def leave(self) -> None:
        """It has returned, or failed. Safe to call twice."""
        if self._unpunched is not None:
            leave(punching, self._unpunched)
            self._unpunched = None
        if self._unnoted is not None:
            leave(noting, self._unnoted)
            self._unnoted = None

    @property
    def marks(self) -> Mapping[bytes, str]:
        """The holes so far, by their marks."""
        return _NONE if self._punch is None else self._punch.marks

    @property
    def holes(self) -> tuple[tuple[str, str], ...]:
        """The same, as a page has them."""
        return tuple((mark.decode(), name) for mark, name in self.marks.items())

    @property
    def effects(self) -> tuple[tuple[str, str], ...]:
        """What hits shall have done again, as a page has it."""
        return () if self._noted is None else tuple(self._noted.effects)

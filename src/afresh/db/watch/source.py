"""Where messages come from: a stream, or polling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Source(Protocol):
    """Messages of the log, in the order of commits.

    Attributes:
        every: Seconds between two confirmations.
    """

    every: float

    def read(self, seconds: float) -> Sequence[bytes]:
        """The next messages; none if none came within about so many seconds."""

    @property
    def idle(self) -> int:
        """The position up to which there is nothing more, after `read` gave nothing; 0 if not known."""

    def confirm(self, position: int) -> None:
        """Everything up to this position was announced: it isn't sent again, and needn't be kept."""

    def close(self) -> None:
        """End it."""

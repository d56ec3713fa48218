"""What comes out of an envelope. Apart from the sealer, so that the engine loads no codec for it."""

from __future__ import annotations

from typing import Any, NamedTuple

from afresh.core.entry import Facts


class Opened(NamedTuple):
    """An envelope's content.

    Attributes:
        value: The value; where `facts.failed`, the exception to raise.
        facts: What is known of it.
        epoch: The ledger's life that its stamp belongs to.
        pinned: A caller set it, rather than a load.
    """

    value: Any
    facts: Facts
    epoch: int
    pinned: bool


class Damaged(NamedTuple):
    """Bytes that are no envelope for this key and type, and why. That is a miss."""

    reason: str

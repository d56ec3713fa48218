"""What a client asks of the servers' arrangement."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from afresh.backends.redis.client import Argument, ErrorReply
from afresh.backends.redis.topology.node import Node
from afresh.errors import BackendError


class Unmapped(BackendError):
    """It is not known yet which node has a key: `refresh` first."""


class Hop(NamedTuple):
    """Where a command that was refused has to go.

    Attributes:
        node: There.
        asking: Only this once, while keys move: `ASKING` goes before it.
    """

    node: Node
    asking: bool = False


class Topology(Protocol):
    """Which server is to be asked.

    Attributes:
        only: Always this one, if there is one only.
    """

    only: Node | None

    def node(self, key: Argument | None) -> Node:
        """Who has a key; any primary for `None`. Never blocks.

        Raises:
            Unmapped: `refresh` has to look first.
            BackendError: Nobody has it.
        """

    def refresh(self) -> None:
        """Look where the servers are. Blocks.

        Raises:
            BackendError: Nobody knows.
        """

    def redirect(self, refused: ErrorReply) -> Hop | None:
        """Who should be asked instead; `None` if the refusal stands. Never blocks."""

    def primaries(self) -> list[Node]:
        """All primaries that are known.

        Raises:
            Unmapped: See `node`.
        """

    def look_after(self) -> None:
        """Housekeeping. May block a little."""

    def inspect(self) -> dict[str, object]:
        """What can be told of it, without secrets."""

    def close(self) -> None:
        """Hang up."""

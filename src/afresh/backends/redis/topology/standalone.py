"""One server, perhaps with replicas, which are never asked."""

from __future__ import annotations

import time

from afresh.backends.redis.address import Address
from afresh.backends.redis.client import Argument, ErrorReply
from afresh.backends.redis.topology.inspected import inspected
from afresh.backends.redis.topology.node import Node
from afresh.backends.redis.topology.topology import Hop
from afresh.backends.redis.wire.blocking import Connection

_AGAIN = 1.0  # seconds between two looks who stands behind the name


class Standalone:
    """See the module."""

    def __init__(self, address: Address) -> None:
        endpoint = address.endpoints[0]
        self.only: Node | None = Node(
            address.name, lambda patience: Connection(address, endpoint, patience), address
        )
        self._node = self.only
        self._look_again = 0.0

    def node(self, key: Argument | None) -> Node:
        """See `Topology`."""
        return self._node

    def refresh(self) -> None:
        """See `Topology`."""

    def redirect(self, refused: ErrorReply) -> Hop | None:
        """See `Topology`. The name may mean another server by now, as in a failover behind a proxy or by DNS."""
        if refused.code != "READONLY" or time.monotonic() < self._look_again:
            return None
        self._look_again = time.monotonic() + _AGAIN
        self._node.hang_up()
        return Hop(self._node)

    def primaries(self) -> list[Node]:
        """See `Topology`."""
        return [self._node]

    def look_after(self) -> None:
        """See `Topology`."""
        self._node.look_after()

    def inspect(self) -> dict[str, object]:
        """See `Topology`."""
        return {"nodes": [inspected(self._node)]}

    def close(self) -> None:
        """See `Topology`."""
        self._node.close()

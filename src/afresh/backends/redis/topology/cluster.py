"""The nodes of a cluster: each key has a slot, each slot a primary."""

from __future__ import annotations

import threading
import time

from afresh.backends.endpoint import Endpoint
from afresh.backends.redis.address import Address
from afresh.backends.redis.client import Argument, ErrorReply
from afresh.backends.redis.topology.inspected import inspected
from afresh.backends.redis.topology.node import Node
from afresh.backends.redis.topology.slots import SLOTS, moved_to, ranges, slot_of
from afresh.backends.redis.topology.topology import Hop, Unmapped
from afresh.backends.redis.wire.blocking import Connection
from afresh.backends.redis.wire.resp import checked, pack
from afresh.errors import BackendError
from afresh.runtime.fork import on_fork

_LOOK_EVERY = 10.0  # seconds between two looks at a cluster in which all seems well
_LOOK_AGAIN = 0.5  # and at one in which something doesn't
_WHERE = pack(("CLUSTER", "SLOTS"))


class Cluster:
    """See the module. A node is looked up in the list of slots, which is replaced as a whole."""

    def __init__(self, address: Address) -> None:
        self.only: Node | None = None
        self._address = address
        self._lock = threading.Lock()
        self._nodes: dict[Endpoint, Node] = {}
        self._seeds = [self._at(endpoint) for endpoint in address.endpoints]
        self._slots: list[Node | None] | None = None
        self._looked = 0.0
        self._doubtful = False
        on_fork(self)

    def node(self, key: Argument | None) -> Node:
        """See `Topology`."""
        if self._slots is None:
            raise Unmapped(f"{self._address.name}: nobody was asked yet who has which keys")
        if key is None:
            return self._any()
        slot = slot_of(key)
        node = self._slots[slot]
        if node is None:
            self._doubtful = True
            raise BackendError(f"{self._address.name}: no node has slot {slot}")
        return node

    def refresh(self) -> None:
        """See `Topology`."""
        asked_at = time.monotonic()
        with self._lock:
            if self._looked > asked_at:  # another thread has looked while this one waited
                return
            self._looked = time.monotonic()
            self._read_map()
            self._doubtful = False

    def redirect(self, refused: ErrorReply) -> Hop | None:
        """See `Topology`."""
        if refused.code not in {"MOVED", "ASK"}:
            self._doubtful |= refused.code in {"CLUSTERDOWN", "TRYAGAIN"}
            return None
        slot, endpoint = moved_to(str(refused), self._address.endpoints[0].host)
        node = self._at(endpoint)
        if refused.code == "ASK":
            return Hop(node, asking=True)
        if self._slots is not None:
            self._slots[slot] = node
        self._doubtful = True  # where one slot went, others did
        return Hop(node)

    def primaries(self) -> list[Node]:
        """See `Topology`."""
        if self._slots is None:
            raise Unmapped(f"{self._address.name}: nobody was asked yet who the nodes are")
        return list(dict.fromkeys(node for node in self._slots if node is not None))

    def look_after(self) -> None:
        """See `Topology`."""
        nodes = list(self._nodes.values())
        for node in nodes:
            node.look_after()
        doubtful = self._doubtful or any(node.breaker.state != "closed" for node in nodes)
        pause = _LOOK_AGAIN if doubtful else _LOOK_EVERY
        if self._slots is not None and time.monotonic() - self._looked > pause:
            try:
                self.refresh()
            except BackendError:
                return  # all breakers are open, and say so

    def inspect(self) -> dict[str, object]:
        """See `Topology`."""
        slots = self._slots or []
        return {
            "nodes": [{**inspected(node), "slots": slots.count(node)} for node in list(self._nodes.values())]
        }

    def close(self) -> None:
        """See `Topology`."""
        for node in list(self._nodes.values()):
            node.close()

    def after_fork(self) -> None:
        """The lock may have been held."""
        self._lock = threading.Lock()

    def _at(self, endpoint: Endpoint) -> Node:
        def dial(patience: float) -> Connection:
            return Connection(self._address, endpoint, patience)

        # `setdefault` is one step: two threads get the same node.
        return self._nodes.get(endpoint) or self._nodes.setdefault(
            endpoint, Node(str(endpoint), dial, self._address)
        )

    def _any(self) -> Node:
        primaries = self.primaries()
        for node in primaries:
            if node.breaker.state == "closed":
                return node
        if not primaries:
            raise BackendError(f"{self._address.name}: no node has any slot")
        return primaries[0]

    def _read_map(self) -> None:
        """Ask one node after the other, until one knows.

        Raises:
            BackendError: None does.
        """
        trouble: BackendError | None = None
        for endpoint, node in self._by_trust():
            try:
                reply = checked(node.pool.ask(_WHERE, self._address.connect_timeout, safe=True))
            except BackendError as error:
                trouble = error
                continue
            self._set_map(list(ranges(reply, endpoint)))
            return
        raise trouble or BackendError(f"{self._address.name}: there is no node")

    def _by_trust(self) -> list[tuple[Endpoint, Node]]:
        """Those that answer first; among them those that have slots."""
        primaries = set(self._slots or ())
        return sorted(
            self._nodes.items(),
            key=lambda item: (item[1].breaker.state != "closed", item[1] not in primaries),
        )

    def _set_map(self, found: list[tuple[int, int, Endpoint]]) -> None:
        slots: list[Node | None] = [None] * SLOTS
        for first, last, endpoint in found:
            slots[first : last + 1] = [self._at(endpoint)] * (last + 1 - first)
        self._slots = slots
        for endpoint in self._nodes.keys() - {each for _, _, each in found}:
            if self._nodes[endpoint] not in self._seeds:
                self._nodes.pop(endpoint).close()

"""A primary that sentinels name, and that may be another one tomorrow.

Each new connection asks the sentinels first, and checks that who answers is a primary. When they
name another one, the connections to the old one are ended.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace

from afresh.backends.endpoint import Endpoint
from afresh.backends.redis.address import Address
from afresh.backends.redis.client import Argument, ErrorReply
from afresh.backends.redis.topology.inspected import inspected
from afresh.backends.redis.topology.node import Node
from afresh.backends.redis.topology.topology import Hop
from afresh.backends.redis.wire.blocking import Connection
from afresh.backends.redis.wire.gone import Gone
from afresh.backends.redis.wire.resp import checked, pack
from afresh.backends.redis.wire.source import Dial
from afresh.errors import BackendError

_LOOK_EVERY = 1.0


class Sentinel:
    """See the module."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._question = pack(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", address.service))
        as_sentinel = replace(
            address,
            db=0,
            username=address.sentinel_username,
            password=address.sentinel_password,
            credentials=None,
        )
        self._sentinels = [
            Node(f"sentinel {endpoint}", _dial(as_sentinel, endpoint), as_sentinel)
            for endpoint in address.endpoints
        ]
        self._node = Node(address.name, self._dial, address)
        self.only: Node | None = self._node
        self._primary: Endpoint | None = None
        self._looked = 0.0

    def node(self, key: Argument | None) -> Node:
        """See `Topology`."""
        return self._node

    def refresh(self) -> None:
        """See `Topology`."""
        self._looked = time.monotonic()
        before, now = self._primary, self._named()
        if before is not None and now != before:
            self._primary = now
            self._node.hang_up()

    def redirect(self, refused: ErrorReply) -> Hop | None:
        """See `Topology`. A primary that was demoted refuses writes: its connections are worth nothing."""
        if refused.code != "READONLY":
            return None
        self._node.hang_up()
        return Hop(self._node)

    def primaries(self) -> list[Node]:
        """See `Topology`."""
        return [self._node]

    def look_after(self) -> None:
        """See `Topology`."""
        for sentinel in self._sentinels:
            sentinel.look_after()
        if self._primary is not None and time.monotonic() - self._looked > _LOOK_EVERY:
            with suppress(BackendError):  # no sentinel answers: the primary may do so all the same
                self.refresh()
        self._node.look_after()

    def inspect(self) -> dict[str, object]:
        """See `Topology`."""
        return {
            "primary": str(self._primary or ""),
            "nodes": [inspected(self._node)],
            "sentinels": [inspected(sentinel) for sentinel in self._sentinels],
        }

    def close(self) -> None:
        """See `Topology`."""
        for node in (self._node, *self._sentinels):
            node.close()

    def _named(self) -> Endpoint:
        """Who the sentinels say is the primary.

        Raises:
            BackendError: None of them answers, or knows.
        """
        trouble: BackendError = Gone(f"{self._address.name}: the sentinels know no such primary")
        # Those first that answered last time.
        for sentinel in sorted(self._sentinels, key=lambda each: each.breaker.state != "closed"):
            try:
                reply = checked(sentinel.pool.ask(self._question, self._address.connect_timeout, safe=True))
            except BackendError as error:
                trouble = error
                continue
            if reply:
                return Endpoint(reply[0].decode(), int(reply[1]))
        raise trouble

    def _dial(self, patience: float) -> Connection:
        """A connection to the primary.

        Raises:
            BackendError: There is none now.
        """
        try:
            primary = self._named()
        except BackendError:
            if self._primary is None:
                raise
            primary = self._primary  # the sentinels are gone, it may be there
        connection = Connection(self._address, primary, patience)
        role = connection.hello.get(b"role")
        if role != b"master":
            connection.close()
            raise Gone(f"{primary} was named as the primary, and is none (a failover is under way)")
        if self._primary not in {None, primary}:
            self._node.hang_up()
        self._primary = primary
        return connection


def _dial(address: Address, endpoint: Endpoint) -> Dial:
    return lambda patience: Connection(address, endpoint, patience)

"""From a URL, or a client that the user has made, to a client of ours."""

from __future__ import annotations

from typing import Any

from afresh.backends.redis.address import Address, parse
from afresh.backends.redis.servers import RedisClient
from afresh.backends.redis.takeover import take_over
from afresh.backends.redis.topology.cluster import Cluster
from afresh.backends.redis.topology.sentinel import Sentinel
from afresh.backends.redis.topology.standalone import Standalone
from afresh.backends.redis.topology.topology import Topology
from afresh.backends.redis.wire.sockets import context


def open_client(url_or_client: Any) -> RedisClient:
    """Make ready to connect. Nothing is asked of a server yet: it may be down, and come later.

    Args:
        url_or_client: A URL, an `Address`, or a client object of redis-py, whose settings are taken over.

    Raises:
        ConfigurationError: It can't be used; the message says what to write instead.
    """
    address = _address(url_or_client)
    if address.tls is not None:
        context(address.tls)
    return RedisClient(address, _topology(address))


def _address(given: Any) -> Address:
    if isinstance(given, str):
        return parse(given)
    return given if isinstance(given, Address) else take_over(given)


def _topology(address: Address) -> Topology:
    if address.kind == "cluster":
        return Cluster(address)
    return Sentinel(address) if address.kind == "sentinel" else Standalone(address)

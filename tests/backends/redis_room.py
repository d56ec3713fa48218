"""What the tests of the Redis room share: servers of every flavour, and clients that are closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from afresh.backends.redis.connect import open_client
from afresh.testing.servers import FLAVOURS as FLAVOURS_HERE
from afresh.testing.servers import RedisCluster, RedisServer
from sizes import seed, size

SERVERS = FLAVOURS_HERE

_OTHERS = (*SERVERS[1:], "cluster")
FLAVOURS = (SERVERS[0], *size((_OTHERS[seed() % len(_OTHERS)],), _OTHERS))
"""The small size has Redis 7 and one of the others, drawn by the seed; the full size has all."""


@pytest.fixture(scope="module", params=FLAVOURS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server, or a cluster, for a whole module."""
    folder = tmp_path_factory.mktemp("redis")
    with RedisCluster(folder) if request.param == "cluster" else _server(folder, request) as place:
        yield place


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for a whole module."""
    with _server(tmp_path_factory.mktemp("redis"), request) as server:
        yield server


def _server(folder: Any, request: pytest.FixtureRequest) -> RedisServer:
    return RedisServer(folder, flavour=request.param)


@pytest.fixture
def empty(place: Any) -> Any:
    """The same with nothing in it."""
    for server in getattr(place, "servers", (place,)):
        with server.client() as client:
            client.flushall()
    return place


@pytest.fixture
def another() -> Iterator[Callable[[Any], Any]]:
    """Makes clients: each is like another process."""
    clients: list[Any] = []

    def make(place: Any) -> Any:
        # The machine may be busy: what is tested here isn't time.
        joint = "&" if "?" in place.url else "?"
        clients.append(open_client(f"{place.url}{joint}timeout=30&write_timeout=30&connect_timeout=30"))
        return clients[-1]

    yield make
    for client in clients:
        client.close()

"""What the tests on real memcached servers share: one or three of them, and clients that are closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from afresh.backends.memcached.connect import MemcachedClient, open_client
from afresh.testing.servers import MemcachedServer

# The machine may be busy: what is tested here isn't time.
PATIENT = "?timeout=30&write_timeout=30&connect_timeout=30"


@dataclass
class Place:
    """Some servers that are one cache."""

    servers: list[MemcachedServer]

    @property
    def url(self) -> str:
        return f"memcached://{','.join(server.address for server in self.servers)}"

    def flush(self) -> None:
        for server in self.servers:
            server.ask(b"flush_all\r\n")


@pytest.fixture(scope="module", params=[1, 3], ids=["one", "three"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Servers for a whole module. One thread each: what was sent first is done first."""
    servers = [
        MemcachedServer(tmp_path_factory.mktemp("memcached"), options=("-t", "1"))
        for _ in range(request.param)
    ]
    try:
        for server in servers:
            server.start()
        yield Place(servers)
    finally:
        for server in servers:
            server.stop()


@pytest.fixture
def empty(place: Place) -> Place:
    """The same with nothing in it."""
    place.flush()
    return place


@pytest.fixture
def another() -> Iterator[Callable[[Place], MemcachedClient]]:
    """Makes clients: each is like another process."""
    clients: list[MemcachedClient] = []

    def make(place: Place) -> MemcachedClient:
        clients.append(open_client(place.url + PATIENT))
        return clients[-1]

    yield make
    for client in clients:
        client.close()

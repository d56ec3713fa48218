"""A Redis Cluster of primaries without replicas, or with some."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from afresh.testing.servers.process import wait_until
from afresh.testing.servers.redis import Flavour, RedisServer

_SLOTS = 16_384


class _Node(RedisServer):
    """One node, which talks with the others 10,000 ports above its own."""

    highest_port = 55_535


class RedisCluster:
    """Some primaries that share the slots; a context manager.

    Args:
        folder: Its own.
        nodes: How many primaries.
        replicas: How many replicas each of them has.
        flavour: Which server.

    Attributes:
        servers: The primaries as they began, then their replicas.
    """

    def __init__(
        self, folder: Path, *, nodes: int = 3, replicas: int = 0, flavour: Flavour = "redis7"
    ) -> None:
        options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]
        options += ["--cluster-require-full-coverage", "no"]
        self._nodes = nodes
        self.servers: list[RedisServer] = [
            _Node(folder / f"node{number}", flavour=flavour, options=options)
            for number in range(nodes * (1 + replicas))
        ]

    @property
    def url(self) -> str:
        """For `Cache`."""
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in self.servers)
        return f"redis+cluster://{hosts}"

    def start(self) -> Self:
        """Start the nodes, make them one cluster, and wait until all of them agree."""
        for server in self.servers:
            server.start()
        clients = [server.client() for server in self.servers]
        try:
            self._join(clients)
        finally:
            for client in clients:
                client.close()
        return self

    def _join(self, clients: list[Any]) -> None:
        share = -(-_SLOTS // self._nodes)
        for number, client in enumerate(clients[: self._nodes]):
            first = number * share
            last = min(first + share, _SLOTS) - 1
            client.execute_command(
                "CLUSTER ADDSLOTSRANGE" if _has_ranges(client) else "CLUSTER ADDSLOTS",
                *((first, last) if _has_ranges(client) else range(first, last + 1)),
            )
        for client in clients[1:]:
            client.execute_command("CLUSTER MEET", "127.0.0.1", self.servers[0].port)
        wait_until(lambda: all(_known(client) == len(clients) for client in clients), "a cluster's meeting")
        for number, client in enumerate(clients[self._nodes :]):
            primary = clients[number % self._nodes].execute_command("CLUSTER MYID")
            client.execute_command("CLUSTER REPLICATE", primary)
        wait_until(lambda: all(_ready(client) for client in clients), "a cluster's agreement")

    def stop(self) -> None:
        """End all of them."""
        for server in self.servers:
            server.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _has_ranges(client: Any) -> bool:
    return int(client.info("server")["redis_version"].split(".")[0]) >= 7


def _state(client: Any) -> dict[str, str]:
    answer = client.execute_command("CLUSTER INFO")
    return (
        answer
        if isinstance(answer, dict)
        else dict(line.split(":") for line in answer.decode().splitlines() if ":" in line)
    )


def _known(client: Any) -> int:
    return int(_state(client)["cluster_known_nodes"])


def _ready(client: Any) -> bool:
    state = _state(client)
    return state["cluster_state"] == "ok" and int(state["cluster_slots_ok"]) == _SLOTS
